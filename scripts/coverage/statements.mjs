/**
 * Finds the statements of one AssemblyScript source and the places where
 * counters go, with the compiler's own parser. The numbers of its node kinds
 * change between releases, so they are read from the package at run time.
 */

import * as assemblyscript from 'assemblyscript';

const { NodeKind, DiagnosticCategory } = assemblyscript;

/**
 * @typedef {object} Edit
 * @property {number} at offset in the source
 * @property {number} order decides between edits at the same offset
 * @property {'open' | 'count' | 'close'} kind
 *
 * @typedef {object} Found
 * @property {number} start
 * @property {number} headerEnd end of the statement, or of its part before inner statements
 * @property {Edit[]} edits
 *
 * @typedef {any} Node the declared types of the parser are not usable outside the compiler
 */

for (const kind of ['Block', 'If', 'Switch', 'FunctionDeclaration', 'MethodDeclaration']) {
  if (typeof (/** @type {any} */ (NodeKind)[kind]) !== 'number') {
    throw new Error(`coverage: this version of assemblyscript has no NodeKind.${kind}`);
  }
}

/**
 * @param {string} text
 * @param {string} file named in errors
 * @returns {Found[]} in source order
 */
export function collectStatements(text, file) {
  /** @type {Found[]} */
  const found = [];
  let order = 0;

  /** @param {Node[] | null} members */
  function declarations(members) {
    for (const node of members ?? []) {
      switch (node.kind) {
        case NodeKind.FunctionDeclaration:
        case NodeKind.MethodDeclaration:
          // No body: `declare`, abstract, interface.
          if (node.body) inner(node.body);
          break;
        case NodeKind.ClassDeclaration:
        case NodeKind.InterfaceDeclaration:
        case NodeKind.NamespaceDeclaration:
          declarations(node.members);
          break;
        case NodeKind.ExportDefault:
          declarations([node.declaration]);
          break;
        // Everything else at the top level is left alone: constants must stay
        // foldable, and `if (wrong) ERROR("...")` must stay an assertion.
      }
    }
  }

  /**
   * One statement where a list of statements is allowed.
   * @param {Node} node
   */
  function listed(node) {
    const entry = isCounted(node) ? add(node) : null;
    entry?.edits.push({ at: entry.start, order: order++, kind: 'count' });
    children(node);
  }

  /**
   * The single statement that is a body or a branch; braces make room for the counter.
   * @param {Node | null} node
   */
  function inner(node) {
    if (!node) return;
    if (!isCounted(node)) return children(node);
    const entry = add(node);
    entry.edits.push({ at: entry.start, order: order++, kind: 'open' });
    entry.edits.push({ at: entry.start, order: order++, kind: 'count' });
    children(node);
    entry.edits.push({ at: endOf(node), order: order++, kind: 'close' });
  }

  /** @param {Node} node */
  function children(node) {
    switch (node.kind) {
      case NodeKind.Block:
        for (const statement of node.statements) listed(statement);
        break;
      case NodeKind.If:
        inner(node.ifTrue);
        inner(node.ifFalse);
        break;
      case NodeKind.Do:
      case NodeKind.For:
      case NodeKind.ForOf:
      case NodeKind.While:
        inner(node.body);
        break;
      case NodeKind.Switch:
        for (const each of node.cases) for (const statement of each.statements) listed(statement);
        break;
    }
  }

  /**
   * @param {Node} node
   * @returns {Found}
   */
  function add(node) {
    const entry = { start: node.range.start, headerEnd: headerEnd(node), edits: [] };
    found.push(entry);
    return entry;
  }

  /**
   * Behind the semicolon, which some of the parser's ranges leave out.
   * @param {Node} node
   */
  function endOf(node) {
    const rest = text.slice(node.range.end);
    const gap = /^(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*;/.exec(rest);
    return text[node.range.end - 1] === ';' || !gap
      ? node.range.end
      : node.range.end + gap[0].length;
  }

  declarations(parse(text, file).statements);
  return found;
}

/**
 * @param {string} text
 * @param {string} file
 * @returns {Node} the source
 */
function parse(text, file) {
  const program = assemblyscript.newProgram(assemblyscript.newOptions());
  assemblyscript.parse(program, text, file, true);
  for (;;) {
    const diagnostic = assemblyscript.nextDiagnostic(program);
    if (!diagnostic) break;
    if (diagnostic.category === DiagnosticCategory.Error) {
      throw new Error(`coverage: ${assemblyscript.formatDiagnostic(diagnostic)}`);
    }
  }
  const source = program.sources.find((/** @type {Node} */ each) => each.text === text);
  if (!source) throw new Error(`coverage: the parser lost ${file}`);
  return source;
}

/** @param {Node} node */
function isCounted(node) {
  switch (node.kind) {
    case NodeKind.Block:
    case NodeKind.Empty:
    case NodeKind.TypeDeclaration:
      return false;
    case NodeKind.If:
      return !isCompileTimeError(node.ifTrue);
    default:
      return !isCompileTimeError(node);
  }
}

/**
 * `ERROR("...")` fails the compilation when it is reached, so it is never run.
 * @param {Node} node
 * @returns {boolean}
 */
function isCompileTimeError(node) {
  if (node.kind === NodeKind.Block) {
    return node.statements.length === 1 && isCompileTimeError(node.statements[0]);
  }
  return (
    node.kind === NodeKind.Expression &&
    node.expression.kind === NodeKind.Call &&
    node.expression.expression.text === 'ERROR'
  );
}

/** @param {Node} node */
function headerEnd(node) {
  switch (node.kind) {
    case NodeKind.If:
    case NodeKind.Switch:
    case NodeKind.While:
      return node.condition.range.end;
    case NodeKind.For:
    case NodeKind.ForOf:
      return node.body.range.start;
    case NodeKind.Do:
      return node.range.start + 1;
    default:
      return node.range.end;
  }
}
