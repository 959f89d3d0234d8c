// Turns the files of proto/ into protobufjs's JSON form, so that a start of the executable does not parse the text.
import { readFile, writeFile } from 'node:fs/promises';
import protobuf from 'protobufjs';

/** Writes one JSON descriptor of the proto files `sources` to `target`. Field names stay as written (`keepCase`). */
export async function writeCriDescriptor(sources: readonly string[], target: string): Promise<void> {
  const root = new protobuf.Root();
  for (const source of sources) protobuf.parse(await readFile(source, 'utf8'), root, { keepCase: true });
  await writeFile(target, JSON.stringify(root.resolveAll().toJSON()));
}
