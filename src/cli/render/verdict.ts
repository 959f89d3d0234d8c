import type { Finding, Investigation } from '../../model/investigation.ts';

/** What stands first, in the same words in every form of output. */
export function headline(document: Investigation): string {
  const { verdict, node, pullPolicy, runtime, pull } = document;
  const image = document.image.input;
  const served = document.endpoints.some((endpoint) => endpoint.verdict === 'healthy') || pull.ok === true;
  const startsAnyway = runtime.imagePresent === true && pullPolicy.policy !== 'Always' && !served;
  switch (verdict) {
    case 'healthy':
      return startsAnyway ? `${image} is on ${node} already` : `${image} can be pulled on ${node}`;
    case 'degraded':
      return startsAnyway
        ? `${image} is on ${node} already, and could not be pulled again`
        : `${image} can be pulled on ${node}, but something is wrong`;
    case 'faulty':
      // The node lacks what every pod needs, and the image itself comes.
      if (document.cause === 'sandbox-image-unavailable' && served) return `no pod can start with ${image} on ${node}`;
      return `${image} cannot be pulled on ${node}`;
    case 'inconclusive':
      return `${image}: whether it can be pulled on ${node} was not found out`;
  }
}

/** Its symbol. */
export function verdictMark(
  verdict: Investigation['verdict'],
  symbols: { readonly good: string; readonly warn: string; readonly bad: string; readonly unknown: string },
): string {
  if (verdict === 'healthy') return symbols.good;
  if (verdict === 'degraded') return symbols.warn;
  return verdict === 'faulty' ? symbols.bad : symbols.unknown;
}

/** `tcp-refused (proven)`, with what lies beneath and what else the evidence allows. */
export function causeLine({ cause, confidence, underlying, alternatives }: Finding): string {
  const beneath = underlying === null ? '' : `, because of ${underlying}`;
  const others = alternatives.length === 0 ? '' : `; it may also be ${alternatives.join(', ')}`;
  return `${cause}${beneath} (${confidence})${others}`;
}

/** The findings behind the primary one that say something new. */
export function furtherFindings({ findings }: Investigation): Finding[] {
  const said: string[] = findings.slice(0, 1).map(({ summary }) => summary);
  return findings.slice(1).filter(({ summary }) => {
    if (said.some((one) => one.includes(summary))) return false;
    said.push(summary);
    return true;
  });
}
