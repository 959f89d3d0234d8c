import type { LabCase } from '../case.ts';
import { labCache } from '../containerd-versions.ts';
import { unpackedPackage } from '../debian-package.ts';
import type { Lab } from '../lab.ts';
import { behind, faultyAddress, tls } from './fronts.ts';

const day = 86_400_000;
const mirror = '10.77.0.60:443';

// The node's own clock cannot be set here: it is the machine's, and Go reads it past every library. So the others live
// in another time: their clocks (libfaketime) and their certificates. Who is wrong then shows by their number only.
export const cases: readonly LabCase[] = [
  {
    name: 'the node’s clock is ten days ahead of everybody’s, so that valid certificates have expired',
    verdict: 'faulty',
    cause: 'clock-skew',
    confidence: 'proven',
    nearMissOf: ['tls-certificate-expired'],
    pull: 'fails',
    runtimeSays: /certificate has expired or is not yet valid/,
    async prepare(lab) {
      await lab.push('clock/ahead', '1.0');
      await othersLive(lab, -10, { from: -400, to: -3 });
      return { image: 'faulty.lab/clock/ahead:1.0' };
    },
  },
  {
    name: 'the node’s clock is ten days behind everybody’s, so that valid certificates have not begun',
    verdict: 'faulty',
    cause: 'clock-skew',
    confidence: 'proven',
    nearMissOf: ['tls-certificate-not-yet-valid'],
    pull: 'fails',
    runtimeSays: /certificate has expired or is not yet valid/,
    async prepare(lab) {
      await lab.push('clock/behind', '1.0');
      await othersLive(lab, 10, { from: 2, to: 300 });
      return { image: 'faulty.lab/clock/behind:1.0' };
    },
  },
  {
    name: 'the registry, the only host that tells the time, lives ten days ahead with its certificate',
    verdict: 'faulty',
    cause: 'clock-skew',
    confidence: 'likely',
    nearMissOf: ['tls-certificate-not-yet-valid'],
    pull: 'fails',
    runtimeSays: /certificate has expired or is not yet valid/,
    async prepare(lab) {
      await lab.push('clock/one', '1.0');
      await living(lab, 10, 'faulty.lab', `${faultyAddress}:443`, { from: 2, to: 300 });
      return { image: 'faulty.lab/clock/one:1.0' };
    },
  },
  {
    name: 'the registry’s clock has stopped ten days ago, and its certificate has expired since',
    verdict: 'faulty',
    cause: 'tls-certificate-expired',
    confidence: 'likely',
    nearMissOf: ['clock-skew'],
    pull: 'fails',
    runtimeSays: /certificate has expired or is not yet valid/,
    async prepare(lab) {
      await lab.push('clock/stopped', '1.0');
      await living(lab, -10, 'faulty.lab', `${faultyAddress}:443`, { from: -400, to: -3 });
      return { image: 'faulty.lab/clock/stopped:1.0' };
    },
  },
  {
    name: 'a mirror lives ten days ahead with its certificate, and the registry’s clock is this node’s',
    verdict: 'degraded',
    cause: 'mirror-failed',
    underlying: 'tls-certificate-not-yet-valid',
    nearMissOf: ['clock-skew'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('clock/mirror', '1.0');
      await living(lab, 10, 'mirror.lab', mirror, { from: 2, to: 300 });
      await mirrored(lab, 'registry.lab');
      return { image: 'registry.lab/clock/mirror:1.0' };
    },
  },
  {
    name: 'two faults: the node’s clock is ten days ahead, and the registry’s certificate has expired by everybody’s clock',
    verdict: 'faulty',
    cause: 'clock-skew',
    alsoFound: ['tls-certificate-expired'],
    nearMissOf: ['tls-certificate-expired'],
    pull: 'fails',
    async prepare(lab) {
      await lab.push('clock/both', '1.0');
      await living(lab, -10, 'faulty.lab', `${faultyAddress}:443`, { from: -400, to: -20 });
      await living(lab, -10, 'mirror.lab', mirror, { from: -400, to: -3 });
      await mirrored(lab, 'faulty.lab');
      return { image: 'faulty.lab/clock/both:1.0' };
    },
  },
  {
    name: 'every host’s clock is ten days away, and no certificate fails by it',
    verdict: 'healthy',
    cause: null,
    nearMissOf: ['clock-skew'],
    pull: 'works',
    async prepare(lab) {
      await lab.push('clock/harmless', '1.0');
      await living(lab, -10, 'faulty.lab', `${faultyAddress}:443`, { from: -400, to: 300 });
      return { image: 'faulty.lab/clock/harmless:1.0' };
    },
  },
];

/** Days from now. */
interface Validity {
  readonly from: number;
  readonly to: number;
}

/** A mirror and the registry faulty.lab, both so many days from now. */
async function othersLive(lab: Lab, days: number, validity: Validity): Promise<void> {
  await living(lab, days, 'faulty.lab', `${faultyAddress}:443`, validity);
  await living(lab, days, 'mirror.lab', mirror, validity);
  await mirrored(lab, 'faulty.lab');
}

/** A host whose clock is so many days from now. */
async function living(lab: Lab, days: number, name: string, listen: string, validity: Validity): Promise<void> {
  const unpacked = await unpackedPackage(labCache(), 'bookworm', 'libfaketime');
  if ('why' in unpacked) throw new Error(unpacked.why);
  const at = (distance: number): Date => new Date(Date.now() + distance * day);
  const pair = await lab.authority.issue(`${name}-${days}`, [name], { from: at(validity.from), to: at(validity.to) });
  const party = name === 'mirror.lab' ? 'mirror' : 'reg';
  const servers = `server { ${tls(pair, listen)} location / { ${behind} } }`;
  const library = `${unpacked.folder}/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1`;
  await lab.front(`living-${name}`, listen, servers, party, {
    LD_PRELOAD: library,
    FAKETIME: `${days < 0 ? '' : '+'}${days}d`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  });
}

async function mirrored(lab: Lab, registry: string): Promise<void> {
  await lab.nodeFile(
    `containerd/certs.d/${registry}/hosts.toml`,
    `server = "https://${registry}"\n[host."https://mirror.lab"]\n  capabilities = ["pull", "resolve"]\n`,
  );
}
