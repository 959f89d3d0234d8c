/** Lengths of units of time as systemd writes them, in microseconds (systemd.time, "Parsing Time Spans"). */
const unitUs: Readonly<Record<string, number>> = {
  us: 1,
  ms: 1000,
  s: 1e6,
  sec: 1e6,
  second: 1e6,
  seconds: 1e6,
  m: 60e6,
  min: 60e6,
  minute: 60e6,
  minutes: 60e6,
  h: 3600e6,
  hr: 3600e6,
  hour: 3600e6,
  hours: 3600e6,
  d: 86_400e6,
  day: 86_400e6,
  days: 86_400e6,
  w: 604_800e6,
  week: 604_800e6,
  weeks: 604_800e6,
};

/** The largest time that a date can have in JavaScript, in microseconds. */
const latestUs = 8.64e18;

/**
 * A point in time as journalctl takes it: RFC 3339, `2026-11-22 10:00[:30]` (of this machine's time zone), a date, a
 * time of today, `now`, `today`, `yesterday`, `tomorrow`, `-1h`, `+5min`, `1h30min ago`, `@SECONDS`. Microseconds since
 * 1970; null when it is none.
 */
export function parseTime(text: string, nowMs: number): number | null {
  const us = readTime(text.trim(), nowMs);
  return us !== null && us >= 0 && us <= latestUs ? us : null;
}

function readTime(text: string, nowMs: number): number | null {
  const word = ['yesterday', 'today', 'tomorrow'].indexOf(text.toLowerCase());
  if (word >= 0) return midnight(nowMs, word - 1);
  if (/^now$/i.test(text)) return nowMs * 1000;
  const seconds = /^@(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text);
  if (seconds !== null) return Number(seconds[1]) * 1e6 + Number((seconds[2] ?? '').padEnd(6, '0'));
  const ago = /^(.*\S)\s+ago$/i.exec(text)?.[1];
  const signed = /^([+-])\s*(.+)$/.exec(text);
  const span = spanUs(ago ?? signed?.[2] ?? '');
  if (span !== null) return nowMs * 1000 + (signed?.[1] === '+' && ago === undefined ? span : -span);
  const date = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?))? ?(Z|UTC|[+-]\d\d:?\d\d)?$/i.exec(text);
  if (date !== null) {
    const [, day = '', clock = '00:00', zone = ''] = date;
    return localUs(day, clock, zone.toUpperCase());
  }
  if (!/^\d\d:\d\d(?::\d\d)?$/.test(text)) return null;
  const today = midnight(nowMs, 0);
  const ms = Date.parse(`1970-01-01T${text}Z`);
  return Number.isNaN(ms) ? null : today + ms * 1000;
}

/** A date without a time is one of this machine's zone, as journalctl takes it; JavaScript would take it for UTC. */
function localUs(day: string, clock: string, zone: string): number | null {
  const offset = zone === 'UTC' ? 'Z' : zone.replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  const [time = '', fraction = ''] = clock.split('.');
  const ms = Date.parse(`${day}T${time}${offset}`);
  // 30 February is the 2 March of JavaScript.
  const exists = !Number.isNaN(Date.parse(day)) && new Date(Date.parse(day)).toISOString().startsWith(day);
  return Number.isNaN(ms) || !exists ? null : ms * 1000 + Number(fraction.slice(0, 6).padEnd(6, '0'));
}

function midnight(nowMs: number, days: number): number {
  const now = new Date(nowMs);
  return new Date(now.getFullYear(), now.getMonth(), now.getDate() + days).getTime() * 1000;
}

/** `1h`, `90 min`, `1h30min`, `2 days 3h`; null when it is no span. */
function spanUs(text: string): number | null {
  if (text === '' || text.length > 64) return null;
  let total = 0;
  const part = /\s*(\d{1,9}(?:\.\d{1,6})?)\s*([a-z]+)/gy;
  for (let at = 0; at < text.length; at = part.lastIndex) {
    part.lastIndex = at;
    const match = part.exec(text);
    const unit = unitUs[match?.[2] ?? ''];
    if (match === null || unit === undefined) return null;
    total += Number(match[1]) * unit;
  }
  return Math.round(total);
}
