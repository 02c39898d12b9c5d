// The whole matrix of faults between a publisher and its registry: kinds times steps, as docs/reliability.md has it.
import type { FaultCase } from '../fault-case.ts';
import { accidents } from './accidents.ts';
import { oddAnswers } from './odd-answers.ts';
import { refusals } from './refusals.ts';

export const registryCells: readonly FaultCase[] = [...refusals, ...accidents, ...oddAnswers];
