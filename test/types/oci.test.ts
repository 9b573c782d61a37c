/** The OCI types know every field in the configs that the runtimes write themselves. */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ts from 'typescript';
import { describe, expect } from 'vitest';
import { installed, want } from '../support/strict.js';
import { type Scratch, test } from '../support/scratch.js';

const types = resolve(import.meta.dirname, '../../src/oci/types.js');

/** The compiler's messages for a program. */
function complaints(file: string): string[] {
  const program = ts.createProgram([file], {
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.NodeNext,
    moduleResolution: ts.ModuleResolutionKind.NodeNext,
    types: [],
  });
  return ts.getPreEmitDiagnostics(program).map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'));
}

/** A module that gives this JSON text the type `Spec`, as a literal, so that unknown members are errors. */
function writeModule(scratch: Scratch, json: string): string {
  const file = join(scratch.mkdir('types'), 'config.mts');
  writeFileSync(file, `import type { Spec } from ${JSON.stringify(types)};\nexport const spec: Spec = ${json};\n`);
  return file;
}

function specOf(scratch: Scratch, runtime: string, args: string[]): string {
  const dir = scratch.mkdir('bundle');
  execFileSync(runtime, ['spec', ...args], { cwd: dir });
  return readFileSync(join(dir, 'config.json'), 'utf8');
}

describe.each(['runc', 'crun'])('%s', (runtime) => {
  describe.skipIf(!want(runtime, installed(runtime)))('spec', () => {
    test.for([[[]], [['--rootless']]])('%j', ([args = []], { scratch }) => {
      const json = specOf(scratch, runtime, args);
      expect(complaints(writeModule(scratch, json))).toEqual([]);
      const wrong = json.replace('"destination"', '"target"');
      expect(complaints(writeModule(scratch, wrong))).toEqual([
        expect.stringMatching(/"target".* does not exist in type 'Mount'/),
      ]);
    });
  });
});
