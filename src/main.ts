import { run } from './cli/main.ts';

try {
  process.exitCode = await run(process.argv.slice(2));
} catch (error) {
  // Expected failures are values; whatever arrives here is a defect of Pullwhy, and is said to be one.
  process.stderr.write(
    `pullwhy: this is a defect of pullwhy: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  process.exitCode = 3;
}
