import { Type } from '../api/schema.ts';
import { oneOf, optionalText, text, whole } from './values.ts';

/** Settings that every long-running command has, and has alike. */

/** `http.listen`. `who`: `agent`; `port`: its usual one. */
export function listenSetting({ who, port }: { readonly who: string; readonly port: number }) {
  return text({
    description: `where the ${who} answers; without authentication only a loopback address is accepted`,
    expects: `an address and a port such as 127.0.0.1:${port} or [::]:${port}`,
    pattern: '^(\\[[0-9a-fA-F:.]+\\]|[0-9.]*):[0-9]{1,5}$',
    default: `127.0.0.1:${port}`,
  });
}

/** `http.tls`. */
export const TlsSettings = Type.Object({
  cert: optionalText({ description: 'file of the server certificate with its chain; it may rotate' }),
  key: optionalText({ description: 'file of its key' }),
  clientCa: optionalText({ description: 'file of the authorities of client certificates' }),
});

/** `http.auth.mode`. */
export function authModeSetting(description: string) {
  return oneOf(['none', 'token', 'kubernetes', 'mtls'], { description, default: 'none' });
}

/** `report`: reports that are written by themselves. */
export const ReportSettings = Type.Object({
  schedule: oneOf(['off', 'hourly', 'daily', 'weekly'], {
    description: 'when a report is written',
    default: 'off',
    live: true,
  }),
  directory: optionalText({ description: 'where reports are written', live: true }),
  keep: whole({ description: 'reports that are kept', default: 14, minimum: 1, maximum: 1000, live: true }),
});

/** `log`. */
export const LogSettings = Type.Object({
  level: oneOf(['debug', 'info', 'warn', 'error'], { description: 'what is logged', default: 'info', live: true }),
  format: oneOf(['json', 'text'], { description: 'how', default: 'json', live: true }),
});
