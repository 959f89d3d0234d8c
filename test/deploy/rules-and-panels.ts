import assert from 'node:assert/strict';
import { type Monitoring, misplaced, type Scenario, tryRules, untried } from './prometheus.ts';

/** The tests that every folder with rules and panels has to pass; `scenarios` make each of its alerts fire. */
export function testRulesAndPanels({ rules, alerts, panels }: Monitoring, scenarios: () => readonly Scenario[]): void {
  it('the panels lie beside each other, within the page', () => {
    assert.deepEqual(misplaced(panels), []);
  });

  it('Prometheus takes the rules, and they fire when they should', async function () {
    assert.deepEqual(untried(alerts, scenarios()), []);
    const tried = await tryRules(rules, scenarios());
    if ('why' in tried) {
      process.stdout.write(`    left out: Prometheus' own check of the rules: ${tried.why}\n`);
      return this.skip();
    }
    assert.equal(tried.words, null);
    return undefined;
  });
}
