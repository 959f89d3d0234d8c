import { writeFile } from 'node:fs/promises';
import type { Pair } from '../authority.ts';
import type { Lab } from '../lab.ts';

/** The address of `faulty.lab`, where a case puts the server it needs. */
export const faultyAddress = '10.77.0.20';

/** The first lines of a TLS server block of nginx. */
export function tls(pair: Pair, listen = `${faultyAddress}:443`): string {
  return `listen ${listen} ssl; ssl_certificate ${pair.cert}; ssl_certificate_key ${pair.key};`;
}

/** Hands requests on to the plain registry that has all images. */
export const behind = 'proxy_pass http://10.77.0.10:5000; proxy_set_header Host $http_host;';

/** Says that this is a registry's API. */
export const apiVersion = 'add_header Docker-Distribution-Api-Version registry/2.0 always;';

/** `faulty.lab` with this certificate in front of the images. */
export async function fronted(lab: Lab, name: string, pair: Pair): Promise<void> {
  await lab.front(name, `${faultyAddress}:443`, `server { ${tls(pair)} location / { ${behind} } }`);
}

/** `faulty.lab` with a good certificate and these locations. */
export async function serving(lab: Lab, name: string, locations: string): Promise<void> {
  await lab.front(name, `${faultyAddress}:443`, `server { ${tls(lab.pair)} ${locations} }`);
}

/** A registry error's body, as nginx wants a text. */
export function errors(code: string, message: string): string {
  return `'${JSON.stringify({ errors: [{ code, message, detail: {} }] })}'`;
}

/** Puts a `.dockerconfigjson` outside the node's files; gives the arguments that name it. */
export async function authFile(lab: Lab, host: string, user: { name: string; password: string }): Promise<string[]> {
  const auth = Buffer.from(`${user.name}:${user.password}`).toString('base64');
  const file = `${lab.folder}/auth.dockerconfigjson`;
  await writeFile(file, JSON.stringify({ auths: { [host]: { auth } } }), { mode: 0o600 });
  return ['--auth-file', file];
}
