import { type DiagnoseCase, judge } from '../kit/diagnose-case.ts';
import { diagnose, openStage, type Ran, type Situation } from '../kit/diagnose-stage.ts';
import { cases as auth } from './cases/auth.ts';
import { cases as blob } from './cases/blob.ts';
import { cases as crio } from './cases/crio.ts';
import { cases as crioPolicy } from './cases/crio-policy.ts';
import { cases as deadline } from './cases/deadline.ts';
import { cases as dns } from './cases/dns.ts';
import { cases as manifest } from './cases/manifest.ts';
import { cases as mirrors } from './cases/mirrors.ts';
import { cases as mixed } from './cases/mixed.ts';
import { cases as oddAnswers } from './cases/odd-answers.ts';
import { cases as openedByProxy } from './cases/opened-by-proxy.ts';
import { cases as pages } from './cases/pages.ts';
import { cases as plainProxy } from './cases/plain-proxy.ts';
import { cases as proxy } from './cases/proxy.ts';
import { cases as refusals } from './cases/refusals.ts';
import { cases as registry } from './cases/registry.ts';
import { cases as runtime } from './cases/runtime.ts';
import { cases as tls } from './cases/tls.ts';
import { cases as tlsByProxy } from './cases/tls-by-proxy.ts';
import { cases as tokens } from './cases/tokens.ts';
import { cases as words } from './cases/words.ts';

const folders: Readonly<Record<string, readonly DiagnoseCase[]>> = {
  deadline,
  registry,
  auth,
  manifest,
  blob,
  tls,
  'tls-by-proxy': tlsByProxy,
  'opened-by-proxy': openedByProxy,
  dns,
  proxy,
  'plain HTTP by a proxy': plainProxy,
  mirrors,
  crio,
  pages,
  refusals,
  mixed,
  runtime,
  'crio-policy': crioPolicy,
  'odd-answers': oddAnswers,
  tokens,
  words,
};

/** Runs at the same time: most of their time is waiting. */
const parallel = 6;

describe('pullwhy diagnose, against servers on loopback', function () {
  this.timeout(120_000);
  const wanted = process.env.PULLWHY_CASES ?? '';
  const all = Object.entries(folders).flatMap(([folder, cases]) => cases.map((one) => ({ folder, one })));
  const chosen = all.filter(({ folder, one }) => `${folder}: ${one.name}`.includes(wanted));
  const runs = new Map<DiagnoseCase, Promise<{ ran: Ran; situation: Situation }>>();

  before(() => {
    let at = 0;
    const settle = new Map<DiagnoseCase, PromiseWithResolvers<{ ran: Ran; situation: Situation }>>();
    for (const { one } of chosen) {
      const promise = Promise.withResolvers<{ ran: Ran; situation: Situation }>();
      promise.promise.catch(() => undefined); // told by its own test
      settle.set(one, promise);
      runs.set(one, promise.promise);
    }
    const work = async (): Promise<void> => {
      for (let next = chosen[at++]; next !== undefined; next = chosen[at++]) {
        const { one } = next;
        await play(one).then(settle.get(one)?.resolve, settle.get(one)?.reject);
      }
    };
    for (let worker = 0; worker < parallel; worker++) void work();
  });

  for (const { folder, one } of chosen) {
    it(`${folder}: ${one.name}`, async () => {
      const run = await runs.get(one);
      if (run === undefined) throw new Error('it did not run');
      judge(one, run.situation, run.ran);
    });
  }
});

async function play(one: DiagnoseCase): Promise<{ ran: Ran; situation: Situation }> {
  const stage = await openStage();
  try {
    const situation = await one.prepare(stage);
    return { situation, ran: await diagnose(stage, situation) };
  } finally {
    await stage.close();
  }
}
