// Reads and writes MANIFEST.json for build.sh: which packages went in, which files came out.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const FOLDERS = ['i386', 'amd64', 'amd64-signed'];
const OUTPUTS = FOLDERS.flatMap((folder) => [`${folder}/boot-kernel`, `${folder}/boot-initrd`]);

/** What a boot loader should add to the kernel's command line: Debian's kernel tests its ciphers for a second. */
const KERNEL_OPTIONS = { 'amd64-signed': 'quiet cryptomgr.notests' };

const [command = '', ...words] = process.argv.slice(2);
const committed = join(import.meta.dirname, 'MANIFEST.json');
const manifest = existsSync(committed) ? JSON.parse(readFileSync(committed, 'utf8')) : { inputs: [], outputs: [] };

const describe = (directory) =>
  OUTPUTS.filter((path) => existsSync(join(directory, path))).map((path) => {
    const bytes = readFileSync(join(directory, path));
    return { path, sizeBytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
  });

const commands = {
  /** input NAME ARCHITECTURE: "version sha256" as recorded. */
  input(name, architecture) {
    const found = manifest.inputs.find((input) => input.package === name && input.architecture === architecture);
    if (found) console.log(found.version, found.sha256);
  },
  /** input-name PREFIX ARCHITECTURE: the recorded package whose name begins so. */
  'input-name'(prefix, architecture) {
    const found = manifest.inputs.find((input) => input.package.startsWith(prefix) && input.architecture === architecture);
    if (found) console.log(found.package);
  },
  /** write DIRECTORY INPUTS: records the inputs of this run in place of older versions of them, and all outputs. */
  write(directory, inputsFile) {
    const used = readFileSync(inputsFile, 'utf8').trim().split('\n').filter(Boolean).map((line) => {
      const [name, architecture, version, sha256] = line.split('\t');
      return { package: name, architecture, version, ...(sha256 === '-' ? {} : { sha256 }) };
    });
    // A kernel image's name holds its version: the new one replaces the old.
    const family = (input) => `${input.package.replace(/^linux-image-.*/, 'linux-image')}/${input.architecture}`;
    const replaced = new Set(used.map(family));
    const inputs = [...manifest.inputs.filter((input) => !replaced.has(family(input))), ...used];
    inputs.sort((a, b) => (family(a) < family(b) ? -1 : 1));
    writeFileSync(join(directory, 'MANIFEST.json'), `${JSON.stringify({ kernelOptions: KERNEL_OPTIONS, inputs, outputs: describe(directory) }, null, 2)}\n`);
  },
  /** verify DIRECTORY: fails and says which files are not the recorded ones. */
  verify(directory) {
    const found = describe(directory);
    for (const output of manifest.outputs) {
      const same = found.some((file) => file.path === output.path && file.sha256 === output.sha256);
      if (!same) process.exitCode = 1;
      console.log(`${same ? 'ok' : 'DIFFERS'} ${output.path}`);
    }
  },
};

const run = commands[command];
if (!run) throw new Error(`manifest.mjs: no command '${command}'`);
run(...words);
