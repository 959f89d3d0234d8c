/** `registry.corp.example:5000` as causes take it. */
export function partyOf(registry: string): { readonly host: string; readonly port?: string } {
  const [, host, port] = /^(.+):(\d{1,5})$/.exec(registry) ?? [];
  return host === undefined || port === undefined ? { host: registry } : { host, port };
}
