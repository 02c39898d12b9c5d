// The reader of Heroku's names, which become parts of a repository.
import { bad, good, show, type Kind } from './reading.ts';

/** An app or a process type. */
export const herokuName: Kind<string> = {
  name: 'name',
  read(text, context) {
    const name = text.trim();
    return /^[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*$/.test(name) && name.length <= 64
      ? good(name)
      : bad(`${show(name, context)} cannot be part of a repository`, 'must be lower-case letters, digits and "-"');
  },
};
