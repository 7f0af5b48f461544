import { HnMineError } from '../errors.js';
import { type Member, parseObject, splitMembers } from './json.js';
import { type Line, placeOf } from './lines.js';

/** A member of an object, and the line on which it begins. */
export interface PlacedMember extends Member {
  readonly line: Line;
}

/**
 * The members of one JSON object that stands on many lines or on a single long one, each as soon as it is whole: no more than
 * one of them, or one line, is held.
 *
 * @throws HnMineError `input` where it is not one valid JSON object
 */
export async function* readMembers(lines: AsyncIterable<Line>): AsyncGenerator<PlacedMember> {
  let depth = 0;
  let isOver = false;
  let member = '';
  let first: Line | undefined;
  let last: Line | undefined;
  for await (const line of lines) {
    last = line;
    let start = 0;
    for (const { at, change } of listBrackets(line)) {
      if (isOver)
        throw new HnMineError('input', `${placeOf(line)}: expected the end of the file after one JSON object`);
      depth += change;
      const isBegin = depth === 1 && change === 1;
      const isEnd = depth === 0 || (depth === 1 && change === 0);
      if (isBegin || isEnd) {
        member += line.text.slice(start, at);
        start = at + 1;
      }
      if (isEnd) {
        // An empty object has an empty last member.
        if (member.trim() !== '' || change === 0) yield parseMember(member, first ?? line);
        member = '';
        first = undefined;
        isOver = depth === 0;
      }
    }
    const rest = line.text.slice(start);
    if (rest.trim() === '') continue;
    if (depth === 0) throw new HnMineError('input', `${placeOf(line)}: expected one JSON object`);
    first ??= line;
    member += `${rest}\n`;
  }
  if (last !== undefined && !isOver) throw new HnMineError('input', `${placeOf(last)}: the JSON object has no end`);
}

/** Where brackets change the depth, and where commas stand, strings passed over. */
function* listBrackets(line: Line): Generator<{ at: number; change: number }> {
  const marks = /"(?:[^"\\]|\\.)*"|["{}[\],]/g;
  for (let found = marks.exec(line.text); found; found = marks.exec(line.text)) {
    const [mark] = found;
    if (mark === '"') throw new HnMineError('input', `${placeOf(line)}: not valid JSON (unterminated string)`);
    if (mark.startsWith('"')) continue;
    yield { at: found.index, change: mark === ',' ? 0 : mark === '{' || mark === '[' ? 1 : -1 };
  }
}

function parseMember(source: string, line: Line): PlacedMember {
  const object = { ...line, text: `{${source}}` };
  parseObject(object);
  const [member] = splitMembers(object.text);
  return { ...(member as Member), line };
}
