import { mkdir, writeFile } from 'node:fs/promises';
import { must } from './commands.ts';

/** A certificate with its key, as files; the chain file is the certificate alone, for the authority signs directly. */
export interface Pair {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of the lab. */
export interface Authority {
  /** The authority's own certificate, PEM. */
  readonly certFile: string;
  /** A server certificate for these DNS names and addresses; valid for a year unless told otherwise. */
  issue(file: string, names: readonly string[], validity?: { from?: Date; to?: Date }): Promise<Pair>;
}

const day = 86_400_000;

/** Makes an authority with a folder of its own. `openssl ca` is used because it can set both ends of a validity. */
export async function makeAuthority(folder: string, commonName: string): Promise<Authority> {
  await mkdir(`${folder}/issued`, { recursive: true });
  const key = `${folder}/ca.key`;
  const certFile = `${folder}/ca.crt`;
  await writeFile(`${folder}/index.txt`, '');
  await writeFile(
    `${folder}/ca.cnf`,
    [
      '[ca]\ndefault_ca = lab\n[lab]',
      `database = ${folder}/index.txt\nnew_certs_dir = ${folder}/issued\nrand_serial = yes`,
      `certificate = ${certFile}\nprivate_key = ${key}\ndefault_md = sha256\npolicy = any\nunique_subject = no`,
      '[any]\norganizationName = optional\ncommonName = optional\n',
    ].join('\n'),
  );
  // Older than what it signs, as authorities are: hosts of the lab may live in another time.
  const request = `${folder}/ca.csr`;
  const extensions = `${folder}/ca.ext`;
  await writeFile(extensions, 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n');
  await must('openssl', [
    ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
    ...['-subj', `/O=Pullwhy lab/CN=${commonName}`, '-keyout', key, '-out', request],
  ]);
  await must('openssl', [
    ...['ca', '-batch', '-notext', '-selfsign', '-config', `${folder}/ca.cnf`, '-keyfile', key],
    ...['-extfile', extensions, '-startdate', stamp(new Date(Date.now() - 1000 * day))],
    ...['-enddate', stamp(new Date(Date.now() + 3650 * day)), '-in', request, '-out', certFile],
  ]);
  let turn: Promise<unknown> = Promise.resolve(); // openssl's database takes one writer
  return {
    certFile,
    issue(file, names, validity = {}) {
      const issued = turn.then(async () => {
        const from = validity.from ?? new Date(Date.now() - day);
        const to = validity.to ?? new Date(Date.now() + 365 * day);
        const pair = { cert: `${folder}/${file}.crt`, key: `${folder}/${file}.key` };
        const request = `${folder}/${file}.csr`;
        const extensions = `${folder}/${file}.ext`;
        const alternatives = names.map((name) => (/^[\d.]+$|:/.test(name) ? `IP:${name}` : `DNS:${name}`)).join(',');
        await writeFile(
          extensions,
          `subjectAltName=${alternatives}\nkeyUsage=digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n`,
        );
        await must('openssl', [
          ...['req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'],
          ...['-subj', `/CN=${names[0] ?? 'nobody'}`, '-keyout', pair.key, '-out', request],
        ]);
        await must('openssl', [
          ...['ca', '-batch', '-notext', '-config', `${folder}/ca.cnf`, '-extfile', extensions],
          ...['-startdate', stamp(from), '-enddate', stamp(to), '-in', request, '-out', pair.cert],
        ]);
        return pair;
      });
      turn = issued.catch(() => undefined);
      return issued;
    },
  };
}

/** `openssl ca`'s form of a time: 20261122160700Z. */
function stamp(at: Date): string {
  return `${at
    .toISOString()
    .replace(/[-:T]/g, '')
    .replace(/\.\d+Z$/, '')}Z`;
}
