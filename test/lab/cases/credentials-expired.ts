import { createHmac } from 'node:crypto';
import type { LabCase, Situation } from '../case.ts';
import { type Lab, users } from '../lab.ts';
import { authFile } from './fronts.ts';

const hour = 3600;

/** A token such as build systems give in a password's place, which ends so many seconds from now. */
function token(endsIn: number, lifetime: number): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const exp = Math.floor(Date.now() / 1000) + endsIn;
  const head = `${part({ typ: 'JWT', alg: 'HS256' })}.${part({ sub: 'job', iat: exp - lifetime, exp })}`;
  return `${head}.${createHmac('sha256', 'a key of the lab').update(head).digest('base64url')}`;
}

/** ECR's authorization token, as `aws ecr get-login-password` prints it. */
function ecrToken(endsIn: number): string {
  const expiration = Math.floor(Date.now() / 1000) + endsIn;
  const token = { payload: 'x'.repeat(120), datakey: 'y'.repeat(60), version: '2', type: 'DATA_KEY', expiration };
  return Buffer.from(JSON.stringify(token)).toString('base64');
}

async function given(lab: Lab, host: string, name: string, password: string): Promise<Situation> {
  const repository = `expired/${host.replace(/\..*/, '')}-${name.toLowerCase()}-${password.length}`;
  await lab.push(repository, '1.0');
  const args = await authFile(lab, host, { name, password });
  return { image: `${host}/${repository}:1.0`, args, secrets: [password] };
}

/** A registry whose token service takes this token for the user's password. */
async function accepting(lab: Lab, password: string): Promise<Situation> {
  const name = users.app.name;
  await lab.tokenService('takes', { port: 8443, users: [{ name, password, repositories: [''] }], anonymous: null });
  await lab.registry('takes', '10.77.0.21:443', {
    tls: lab.pair,
    token: {
      realm: 'https://auth.lab:8443/token',
      service: 'token.lab',
      issuer: 'auth.lab',
      certificate: `${lab.folder}/token-ca/ca.crt`,
    },
  });
  return given(lab, 'second.lab', name, password);
}

export const cases: readonly LabCase[] = [
  {
    name: 'the password is a token that is past its time, and the registry refuses it',
    verdict: 'faulty',
    cause: 'credentials-expired',
    confidence: 'proven',
    nearMissOf: ['credentials-rejected', 'credentials-missing'],
    pull: 'fails',
    prepare: (lab) => given(lab, 'private.lab', 'job', token(-hour, 24 * hour)),
  },
  {
    name: 'the password is a token that is past its time, and the token service refuses it',
    verdict: 'faulty',
    cause: 'credentials-expired',
    confidence: 'proven',
    nearMissOf: ['credentials-rejected', 'access-denied'],
    pull: 'fails',
    prepare: (lab) => given(lab, 'token.lab', 'job', token(-hour, 24 * hour)),
  },
  {
    name: 'ECR’s token is past its twelve hours, and nobody says so',
    verdict: 'faulty',
    cause: 'credentials-expired',
    confidence: 'proven',
    nearMissOf: ['credentials-rejected'],
    pull: 'fails',
    prepare: (lab) => given(lab, 'private.lab', 'AWS', ecrToken(-hour)),
  },
  {
    name: 'the password is a token whose time is not over, and it is refused',
    verdict: 'faulty',
    cause: 'credentials-rejected',
    confidence: 'proven',
    nearMissOf: ['credentials-expired'],
    pull: 'fails',
    prepare: (lab) => given(lab, 'private.lab', 'other', token(20 * hour, 24 * hour)),
  },
  {
    name: 'the token is past its time by its own word, and the registry takes it all the same',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['credentials-expired'],
    pull: 'works',
    prepare: (lab) => accepting(lab, token(-2 * hour, 24 * hour)),
  },
  {
    name: 'the token is accepted, and the last of its thirty days has begun',
    verdict: 'degraded',
    cause: 'credentials-expired',
    confidence: 'proven',
    pull: 'works',
    prepare: (lab) => accepting(lab, token(5 * hour, 30 * 24 * hour)),
  },
  {
    name: 'the token is accepted, and has half of its twelve hours left',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['credentials-expired'],
    pull: 'works',
    prepare: (lab) => accepting(lab, token(6 * hour, 12 * hour)),
  },
];
