/**
 * Writes docs/api.md from the types and their docstrings: a heading for each call and each option. `npm run docs`. A test fails if
 * the page is not what this makes.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { format, resolveConfig } from 'prettier';
import ts from 'typescript';

const repository = resolve(import.meta.dirname, '..');
const page = join(repository, 'docs/api.md');

/**
 * The sections of the page, and what is exported from `outlive` in their order. Types that are not named here follow the
 * sections, by name.
 * @type {[title: string, text: string, names: string[]][]}
 */
const SECTIONS = [
  ['A command', 'How to use them: [README](../README.md), [recipes](recipes.md).', ['run', 'find', 'list']],
  ['Container', 'How to use it: [containers](containers.md), [host runtime](host-runtime.md).', ['Container']],
  ['Process', '', ['Process']],
  ['Output and stdio', 'More: [output](output.md).', ['readLog', 'openOutput', 'openInput', 'makeStdioFifos']],
  ['Bundles', 'More: [host runtime](host-runtime.md).', ['writeHostBundle', 'execSpec']],
  ['Events', 'More: [events](events.md).', ['Monitor', 'Supervisor']],
  ['Errors', 'What each code means and what to do: [troubleshooting](troubleshooting.md).', []],
];
const ERRORS = ['OutliveError', 'EventsDroppedError'];
/** Classes that are the title of a section. */
const IN_TITLE = ['Container', 'Process'];
/** Described on another page. */
const ELSEWHERE = ['posix', 'OutliveErrorCode'];

const HEAD = `# API

<!-- Made by \`npm run docs\` from the comments in src/. Do not edit it. -->

Every call and every option: type, default, unit and errors. All of it is exported by \`outlive\`.

- \`posix.*\`, also \`outlive/posix\`, the system calls: [posix.md](posix.md).
- The types of an OCI bundle's config.json (\`Spec\`, \`ProcessSpec\`, \`LinuxResources\` …), also \`outlive/oci\`: the names and members
  of the [OCI runtime specification](https://github.com/opencontainers/runtime-spec/blob/main/config.md).
- The command line: [cli.md](cli.md).

Wherever a call has \`ERR_INVALID_ARG_TYPE\`, \`ERR_INVALID_ARG_VALUE\` or \`ERR_OUT_OF_RANGE\`, nothing was done yet. A name with \`Ms\` is in
milliseconds, one with \`Bytes\` in bytes. An option that is \`undefined\` has its default.
`;

const program = readProgram();
const checker = program.getTypeChecker();

function readProgram() {
  const config = ts.readConfigFile(join(repository, 'tsconfig.build.json'), (path) => ts.sys.readFile(path));
  const { options } = ts.parseJsonConfigFileContent(config.config, ts.sys, repository);
  return ts.createProgram([join(repository, 'src/index.ts')], options);
}

/** @returns {Map<string, ts.Symbol>} what the package exports, by name */
function exported() {
  const index = program.getSourceFile(join(repository, 'src/index.ts'));
  const module = index && checker.getSymbolAtLocation(index);
  if (module === undefined) throw new Error('src/index.ts is no module');
  const symbols = checker.getExportsOfModule(module).filter((symbol) => !isOci(resolved(symbol)));
  return new Map(symbols.map((symbol) => [symbol.name, resolved(symbol)]));
}

/** @param {ts.Symbol} symbol */
const resolved = (symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol);

/** @param {ts.Symbol} symbol */
const isOci = (symbol) => {
  const file = symbol.declarations?.[0]?.getSourceFile().fileName ?? '';
  return /\/oci\/(types|config|linux|mappings|process|resources|seccomp|capabilities)\.ts$/.test(file);
};

/** @returns {Promise<string>} the page as it should be */
export async function apiPage() {
  const symbols = exported();
  /** @param {string} name */
  const take = (name) => {
    const symbol = symbols.get(name);
    if (symbol === undefined) throw new Error(`${name} is not exported`);
    symbols.delete(name);
    return render(name, symbol);
  };
  for (const name of ELSEWHERE) symbols.delete(name);
  const sections = SECTIONS.map(([title, text, names]) => {
    const calls = title === 'Errors' ? ERRORS : names;
    return `## ${title}\n\n${text}\n\n${calls.map(take).join('\n')}`;
  });
  const types = [...symbols.keys()].sort().map(take);
  const text = linked(`${HEAD}\n${sections.join('\n')}\n## Options and results\n\n${types.join('\n')}`);
  return format(text, { ...(await resolveConfig(page)), filepath: page });
}

/**
 * @param {string} name
 * @param {ts.Symbol} symbol
 */
function render(name, symbol) {
  if (name === 'Process') {
    const declared = checker.getDeclaredTypeOfSymbol(symbol);
    const [docs, list] = [declared.symbol, members(declared, 'process')];
    return `${about(docs)}\n\n${list}`;
  }
  if (symbol.flags & ts.SymbolFlags.Function) return call(name, symbol);
  if (symbol.flags & ts.SymbolFlags.Class) return classOf(name, symbol);
  return type(name, symbol);
}

/**
 * @param {string} name
 * @param {ts.Symbol} symbol
 */
function classOf(name, symbol) {
  const [declaration] = symbol.declarations ?? [];
  const isError = ERRORS.includes(name);
  const statics = declaration ? members(checker.getTypeOfSymbolAtLocation(symbol, declaration), name) : '';
  return `${IN_TITLE.includes(name) ? '' : `### ${name}\n\n`}${about(symbol)}\n\n${statics}${constructorOf(name, symbol)}${members(
    checker.getDeclaredTypeOfSymbol(symbol),
    isError ? 'error' : name.toLowerCase(),
    ({ parent }) => !isError || parent === symbol,
  )}`;
}

/**
 * The constructor, if it is for users: it has a docstring.
 * @param {string} name
 * @param {ts.Symbol} symbol
 */
function constructorOf(name, symbol) {
  const declaration = symbol.members?.get(ts.InternalSymbolName.Constructor)?.declarations?.[0];
  if (declaration === undefined || !ts.isConstructorDeclaration(declaration)) return '';
  const constructor = symbol.members?.get(ts.InternalSymbolName.Constructor);
  if (constructor === undefined || isHidden(constructor) || text(constructor) === '') return '';
  const parameters = declaration.parameters.map(parameter);
  const short = parameters.map(({ short: word }) => word).join(', ');
  const long = parameters.map(({ long: word }) => word).join(', ');
  return `### new ${name}(${short})\n\n\`new ${name}(${long})\`\n\n${about(constructor)}\n\n`;
}

/**
 * @param {ts.Type} type
 * @param {string} object what an instance is called here
 * @param {(symbol: ts.Symbol & { parent?: ts.Symbol }) => boolean} [isShown]
 */
function members(type, object, isShown = () => true) {
  const symbols = checker.getPropertiesOfType(type).filter((symbol) => !isHidden(symbol) && isShown(symbol));
  return symbols
    .map((symbol) =>
      symbol.flags & ts.SymbolFlags.Method ? call(`${object}.${symbol.name}`, symbol) : property(object, symbol),
    )
    .join('\n');
}

/**
 * @param {string} object
 * @param {ts.Symbol} symbol
 */
function property(object, symbol) {
  return `### ${object}.${symbol.name}\n\nType: ${typeText(symbol)}.\n\n${about(symbol)}\n`;
}

/** @param {ts.Symbol} symbol */
function isHidden(symbol) {
  const [declaration] = symbol.declarations ?? [];
  if (declaration === undefined || !declaration.getSourceFile().fileName.startsWith(join(repository, 'src/')))
    return true;
  const flags = ts.getCombinedModifierFlags(/** @type {ts.Declaration} */ (declaration));
  return (
    /^[_#]/.test(symbol.name) ||
    symbol.name === 'prototype' ||
    (flags & (ts.ModifierFlags.Private | ts.ModifierFlags.Protected)) !== 0 ||
    symbol.getJsDocTags(checker).some(({ name }) => name === 'internal')
  );
}

/**
 * @param {string} name
 * @param {ts.Symbol} symbol
 */
function call(name, symbol) {
  const declarations = (symbol.declarations ?? []).filter(
    (declaration) => ts.isFunctionDeclaration(declaration) || ts.isMethodDeclaration(declaration),
  );
  // Of overloads, the last declaration is the implementation.
  const shown = declarations.length > 1 ? declarations.slice(0, -1) : declarations;
  const forms = shown.map((declaration) => {
    const parameters = declaration.parameters.map(parameter);
    const result = declaration.type?.getText().replace(/\bContainerProcess\b|\bProcess<Owner>/g, 'Process') ?? 'void';
    const long = parameters.map(({ long: word }) => word).join(', ');
    return { short: parameters.map(({ short: word }) => word).join(', '), long: `\`${name}(${long}): ${result}\`` };
  });
  const signatures = forms
    .map(({ long }) => long.replace(/\s+/g, ' ').replace(/(\w\?: \w+) \| undefined/g, '$1'))
    .join('\n\n');
  const docs = shown.length > 1 ? shown.map(ofSignature).join('\n\n') : about(symbol);
  return `### ${name}(${forms[0]?.short ?? ''})\n\n${shown.length > 1 ? docs : `${signatures}\n\n${docs}`}\n`;

  /**
   * @param {ts.FunctionDeclaration | ts.MethodDeclaration} declaration
   * @param {number} index
   */
  function ofSignature(declaration, index) {
    const signature = checker.getSignatureFromDeclaration(declaration);
    const form = forms[index]?.long.replace(/\s+/g, ' ') ?? '';
    return signature ? `${form}\n\n${about(signature)}` : form;
  }
}

/** @param {ts.ParameterDeclaration} declaration */
function parameter(declaration) {
  const name = declaration.name.getText();
  const isOptional = declaration.initializer !== undefined || declaration.questionToken !== undefined;
  const kind = declaration.type?.getText().replace(/\bContainerProcess\b/g, 'Process') ?? 'unknown';
  const word = ts.isIdentifier(declaration.name) ? name : 'options';
  return { short: word + (isOptional ? '?' : ''), long: `${word}${isOptional ? '?' : ''}: ${kind}` };
}

/**
 * @param {string} name
 * @param {ts.Symbol} symbol
 */
function type(name, symbol) {
  const [declaration] = symbol.declarations ?? [];
  const head = `### ${name}\n\n${about(symbol)}\n`;
  const declared = checker.getDeclaredTypeOfSymbol(symbol);
  if (declaration !== undefined && ts.isTypeAliasDeclaration(declaration) && !isUnionOfHidden(declared)) {
    return `${head}\nType: \`${declaration.type.getText().replace(/\s+/g, ' ')}\`.\n`;
  }
  const own = checker.getPropertiesOfType(declared).filter((member) => !isHidden(member));
  const options = own.map((member) => {
    const isOptional = (member.flags & ts.SymbolFlags.Optional) !== 0;
    if (member.flags & ts.SymbolFlags.Method) {
      return `#### ${name}.${member.name}()\n\n${typeText(member)}\n\n${about(member)}\n`;
    }
    // That it may be undefined, too, is said once, at the top.
    const type = isOptional ? `${typeText(member).replace(/ \| undefined`$/, '`')}, optional` : typeText(member);
    return `#### ${name}.${member.name}\n\nType: ${type}.\n\n${about(member)}\n`;
  });
  return `${head}\n${options.join('\n')}`;
}

/** Whether the parts of a union have no heading of their own: then the union's lists all of their members. @param {ts.Type} union */
const isUnionOfHidden = (union) =>
  union.isUnion() &&
  union.types.every((part) => part.isClassOrInterface() && ![...exported().values()].includes(part.symbol));

/** @param {ts.Symbol} symbol */
function typeText(symbol) {
  const [declaration, ...others] = symbol.declarations ?? [];
  if (declaration === undefined) return '';
  const texts = [declaration, ...others].map((each) => /** @type {{ type?: ts.TypeNode }} */ (each).type?.getText());
  const written = texts.includes(undefined) ? undefined : [...new Set(texts)].join(' | ');
  const inferred = () => checker.typeToString(checker.getTypeOfSymbolAtLocation(symbol, declaration));
  const words = (written ?? inferred())
    .replace(/\bContainerProcess\b/g, 'Process')
    .replace(/\s+/g, ' ')
    .replace(/^Owner$/, 'Container');
  return `\`${words.replace(/^\| /, '')}\``;
}

/** @param {ts.Symbol} symbol */
const text = (symbol) => ts.displayPartsToString(symbol.getDocumentationComment(checker));

/**
 * The docstring as Markdown.
 * @param {ts.Symbol | ts.Signature} symbol
 */
function about(symbol) {
  const parts = [plain(ts.displayPartsToString(symbol.getDocumentationComment(checker)))];
  const tags = symbol
    .getJsDocTags(checker)
    .map(({ name, text: words }) => ({ name, words: plain(ts.displayPartsToString(words)) }));
  /** @param {string} name */
  const of = (name) => tags.filter((tag) => tag.name === name).map(({ words }) => words);
  parts.push(...of('deprecated').map((words) => `Deprecated. ${words}`));
  const parameters = of('param').map((words) => words.replace(/^(\S+)\s+(?:[-–] )?/, '- `$1`: '));
  if (parameters.length > 0) parts.push(parameters.join('\n'));
  for (const words of of('returns')) parts.push(`Returns: ${words}`);
  for (const words of of('throws'))
    parts.push(
      `Errors:\n\n${split(words)
        .map((item) => `- ${item}`)
        .join('\n')}`,
    );
  for (const words of of('see')) parts.push(`See ${words}.`);
  return parts.filter((part) => part !== '').join('\n\n');
}

/** @param {string} words */
const plain = (words) =>
  words
    .replace(/\{@link (\w+) ?\}/g, '`$1`')
    .replace(/\n(?!\s*[-|\n])\s*/g, ' ')
    .replace(/\bdocs\/([\w-]+\.md)\b/g, '[$1]($1)')
    .trim();

/**
 * The parts of a `@throws`: they are separated by `; `, and may begin with the class in braces.
 * @param {string} words
 */
function split(words) {
  const items = [''];
  let depth = 0;
  for (const piece of words.replace(/\{(\w+(?:\|\w+)*)\}\s*/g, '').split(/(; |[()])/)) {
    if (piece === '(') depth++;
    if (piece === ')') depth--;
    if (piece === '; ' && depth === 0) items.push('');
    else items[items.length - 1] += piece;
  }
  return items;
}

/**
 * Links the codes to what they mean, and types to their headings, at their first mention in a paragraph.
 * @param {string} markdown
 */
function linked(markdown) {
  const headings = new Set([...markdown.matchAll(/^### (\w+)$/gm)].map(([, name = '']) => name));
  return markdown
    .split('\n')
    .map((line) => {
      if (line.startsWith('#') || line.startsWith('<!--')) return line;
      const coded = line.replace(
        /`(ERR_\w+)`/g,
        (_, code) => `[\`${code}\`](troubleshooting.md#${code.toLowerCase()})`,
      );
      if (!/^(Type: )?`[^`]*`(, optional)?\.?$/.test(coded)) return coded;
      const named = [...new Set(coded.match(/\b[A-Z]\w+\b/g) ?? [])].filter((word) => headings.has(word));
      const links = named.map((word) => `[${word}](#${word.toLowerCase()})`);
      return links.length === 0
        ? coded
        : `${coded.replace(/\.$/, '')} (${links.join(', ')})${coded.endsWith('.') ? '.' : ''}`;
    })
    .join('\n');
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const made = await apiPage();
  if (readFileSync(page, { encoding: 'utf8', flag: 'a+' }) !== made) writeFileSync(page, made);
}
