// The tags of a step when auto_tag does not make them: the setting, the file that it names, or `.tags` of the workspace,
// which other steps write for this plugin; and the full references of extra_tags and its file. A file of the workspace is
// read with the same rules as any, and the log says so.
import { imageTag, type ImageTag, tag } from './destination-kinds.ts';
import { addProblem, addWarning, type Findings } from './findings.ts';
import { type Item, readItems } from './list-kinds.ts';
import { quote, type ReadContext } from './reading.ts';
import type { TagChoice } from './settings.ts';
import type { Values } from './table.ts';
import type { WorkspaceFiles } from './workspace-files.ts';

/** A list of tags is short; a larger file is something else. */
const maxTagsFileBytes = 64 * 1024;
const maxTags = 50;

const nobodyAsked: TagChoice = { list: ['latest'], chosen: false };

/** Decides between the three sources. */
export function readTags(values: Values, files: WorkspaceFiles, findings: Findings, notes: string[]): TagChoice {
  const into = { files, findings, notes };
  if (values.tags_file !== undefined) return chosen(readFile('tags_file', values.tags_file, tag, into));
  if (values.tags !== undefined) return { list: values.tags, chosen: true };
  const unwanted = values.ignore_tags_file || (values.auto_tag && !values.auto_tag_with_tags);
  return chosen(unwanted ? undefined : readFile('tags', '.tags', tag, into));
}

/** extra_tags, then those of its file. A workspace file chooses repositories only when it is named. */
export function readExtraTags(
  values: Values,
  files: WorkspaceFiles,
  findings: Findings,
  notes: string[],
): readonly ImageTag[] {
  const path = values.extra_tags_file;
  const fromFile =
    path === undefined ? undefined : readFile('extra_tags_file', path, imageTag, { files, findings, notes });
  return [...(values.extra_tags ?? []), ...(fromFile ?? [])];
}

function chosen(list: readonly string[] | undefined): TagChoice {
  return list === undefined ? nobodyAsked : { list, chosen: true };
}

interface FileReading {
  readonly files: WorkspaceFiles;
  readonly findings: Findings;
  readonly notes: string[];
}

/** undefined when the file is missing (and may be) or wrong. */
function readFile<T>(
  setting: 'tags' | 'tags_file' | 'extra_tags_file',
  path: string,
  item: Item<T>,
  { files, findings, notes }: FileReading,
): readonly T[] | undefined {
  const right = `must be a text file with ${item.name}, separated by commas or line ends`;
  const file = files.readSmallFile(path, { followOutsideLinks: false, maxBytes: maxTagsFileBytes });
  if (!file.ok) {
    if (setting !== 'tags' || !file.missing) addProblem(findings, setting, { wrong: file.wrong, right });
    return undefined;
  }
  const text = new TextDecoder('utf-8').decode(file.bytes);
  if (/[\u0000-\u0008\u000e-\u001f\u{fffd}]/u.test(text)) {
    addProblem(findings, setting, { wrong: `${quote(path)} is not a text file`, right });
    return undefined;
  }
  const context: ReadContext = { from: path, secret: false, environment: {}, redact: () => undefined };
  // A last line end is no empty item, and neither is a blank line between tags.
  const texts = text.split(/[\r\n,]+/).filter((part) => part.trim() !== '');
  if (texts.length === 0) {
    addProblem(findings, setting, { wrong: `${quote(path)} names no ${item.name}`, right });
    return undefined;
  }
  const reading = readItems(texts, item, { maxItems: maxTags, warnOfDuplicates: true }, context);
  for (const warning of reading.warnings) addWarning(findings, setting, `${quote(path)}: ${warning}`);
  if (!reading.ok) {
    for (const { wrong, right } of reading.problems)
      addProblem(findings, setting, { wrong: `${quote(path)}: ${wrong}`, right });
    return undefined;
  }
  notes.push(`${setting === 'extra_tags_file' ? 'further ' : ''}tags come from the file ${path}`);
  return reading.value;
}
