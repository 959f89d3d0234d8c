// A token service as docker-registry's token authentication wants one, as a program of its own: it is started inside
// a namespace with its settings (JSON, `TokenSettings`) as the only argument.
import { createSign, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:https';
import type { TokenSettings } from './token-service.ts';

const settings: TokenSettings = JSON.parse(process.argv[2] ?? '');
const signingKey = readFileSync(settings.signing.key, 'utf8');
const chain = [readFileSync(settings.signing.cert, 'utf8').replace(/-----[^-]+-----|\s/g, '')];

const server = createServer(
  { cert: readFileSync(settings.tls.cert), key: readFileSync(settings.tls.key) },
  (request, response) => {
    void answer(request).then(({ status, body }) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    });
  },
);
server.listen(settings.port, settings.address);

async function answer(request: IncomingMessage): Promise<{ status: number; body: object }> {
  const url = new URL(request.url ?? '/', 'https://auth.lab');
  const asked = request.method === 'POST' ? new URLSearchParams(await bodyOf(request)) : url.searchParams;
  const given = credentials(request, asked);
  const known =
    given === null
      ? settings.anonymous
      : (settings.users.find(({ name, password }) => name === given.name && password === given.password) ?? null);
  if (known === null) {
    return { status: 401, body: { errors: [{ code: 'UNAUTHORIZED', message: 'incorrect username or password' }] } };
  }
  const access = asked.getAll('scope').flatMap((scopes) => scopes.split(' ').flatMap((scope) => granted(scope, known)));
  const now = Math.floor(Date.now() / 1000);
  const token = sign({
    iss: settings.issuer,
    sub: given?.name ?? '',
    aud: settings.service,
    exp: now + 300,
    nbf: now - 10,
    iat: now,
    jti: randomUUID(),
    access,
  });
  return { status: 200, body: { token, access_token: token, expires_in: 300 } };
}

/** What a scope such as `repository:team/app:pull` comes to for somebody. */
function granted(scope: string, known: { readonly repositories: readonly string[] }): object[] {
  const [type, name, actions] = scope.split(':');
  if (type !== 'repository' || name === undefined || actions === undefined) return [];
  if (!known.repositories.some((start) => name.startsWith(start))) return [];
  return [{ type, name, actions: actions.split(',').filter((action) => action === 'pull') }];
}

/** Basic, or the form of an OAuth2 password grant; null: nobody in particular. */
function credentials(request: IncomingMessage, form: URLSearchParams): { name: string; password: string } | null {
  const basic = /^Basic (.+)$/i.exec(request.headers.authorization ?? '')?.[1];
  if (basic !== undefined) {
    const [name = '', ...password] = Buffer.from(basic, 'base64').toString('utf8').split(':');
    return { name, password: password.join(':') };
  }
  const name = form.get('username');
  return name === null ? null : { name, password: form.get('password') ?? '' };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  return text;
}

function sign(claims: object): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const head = `${part({ typ: 'JWT', alg: 'ES256', x5c: chain })}.${part(claims)}`;
  const signature = createSign('SHA256').update(head).sign({ key: signingKey, dsaEncoding: 'ieee-p1363' });
  return `${head}.${signature.toString('base64url')}`;
}
