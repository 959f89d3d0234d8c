import type { Situation, Stage } from '../../kit/diagnose-stage.ts';
import type { FakeRegistry } from '../../kit/fake-registry.ts';

/** `team/app:1` at this registry. */
export function app(registry: { readonly port: number }, args: readonly string[] = [], reference = ':1'): Situation {
  return { image: `registry.test:${registry.port}/team/app${reference}`, args };
}

/** A registry that answers some requests in another way than a good one does. */
export function overridden(override: FakeRegistry['override']): (stage: Stage) => Promise<Situation> {
  return async (stage) => {
    const registry = await stage.registry();
    registry.override = override;
    return app(registry);
  };
}
