// JSON.parse as the oracle for the native JSON reader, which is stricter than it in three points, each on purpose:
//   - an escaped lone surrogate ("\ud800") has no UTF-8 form and is refused;
//   - more than 128 open containers are refused;
//   - bytes: what is no well-formed UTF-8, or starts with a byte order mark, is refused (JSON.parse never sees bytes).
import { expect } from 'vitest';

import type { JsonTool } from './tools.js';

export const maxDepth = 128;

/** Every token of a valid document that is a string or a number. */
function tokens(text: string): string[] {
  return text.match(/"(?:[^"\\]|\\.)*"|-?\d[-+.\deE]*/g) ?? [];
}

export function numbers(text: string): string[] {
  return tokens(text).filter((token) => !token.startsWith('"'));
}

/** Whether a valid document escapes a surrogate without its other half. */
function escapesLoneSurrogate(text: string): boolean {
  const rest = text.replace(/\\(?:u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|[^u])/g, '');
  return /\\u[dD][89a-fA-F]/.test(rest);
}

function depth(text: string): number {
  let open = 0;
  let deepest = 0;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[[{\]}]/g)) {
    if (token === '[' || token === '{') deepest = Math.max(deepest, ++open);
    if (token === ']' || token === '}') open--;
  }
  return deepest;
}

function isAcceptable(bytes: Uint8Array): boolean {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    JSON.parse(text);
    return !escapesLoneSurrogate(text) && depth(text) <= maxDepth;
  } catch {
    return false;
  }
}

export async function expectLikeJavaScript(parser: JsonTool, bytes: Uint8Array): Promise<void> {
  const answer = await parser.ask(bytes);
  expect(answer.ok, answer.text).toBe(isAcceptable(bytes));
  if (!answer.ok) return;
  const text = new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  expect(JSON.parse(answer.text)).toEqual(JSON.parse(text));
  expect(numbers(answer.text)).toEqual(numbers(text));
}
