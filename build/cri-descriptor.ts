// Turns proto/cri.proto into protobufjs's JSON form, so that a start of the executable does not parse the text.
import { readFile, writeFile } from 'node:fs/promises';
import protobuf from 'protobufjs';

/** Writes the JSON descriptor of the proto file `source` to `target`. Field names stay as written (`keepCase`). */
export async function writeCriDescriptor(source: string, target: string): Promise<void> {
  const { root } = protobuf.parse(await readFile(source, 'utf8'), { keepCase: true });
  await writeFile(target, JSON.stringify(root.resolveAll().toJSON()));
}
