// What runners make of YAML: the rules that the examples are tested with.
import { describe, expect, it } from 'vitest';
import { readPluginSteps, type Runner, stepEnvironment } from '../../support/pipeline-env.ts';

const secrets = { password: 'open sesame', token: 'a"b', nothing: '' };

/** The environment of a step with these lines as its settings. */
function environment(runner: Runner, ...lines: readonly string[]): Record<string, string> {
  const text = ['steps:', '  - name: a', '    image: b', '    settings:', ...lines.map((line) => `      ${line}`)];
  const [step] = readPluginSteps(text.join('\n'));
  if (step === undefined) throw new Error('no step');
  return stepEnvironment(step, runner, secrets);
}

describe.each<Runner>(['drone', 'woodpecker'])('settings in %s', (runner) => {
  it.each([
    ['text', 'x: some text', 'some text'],
    ['a boolean', 'x: true', 'true'],
    ['an integer', 'x: 1234567', '1234567'],
    ['a version that YAML takes for a number', 'x: 1.10', '1.1'],
    ['a whole number written with a point', 'x: 2.0', '2'],
    ['a float below a million', 'x: 123456.5', '123456.5'],
    ['a big float', 'x: 1234567.5', '1.2345675e+06'],
    ['a small float', 'x: 0.00001', '1e-05'],
    ['a list', 'x: [a, 1.10, 2, true]', 'a,1.1,2,true'],
    ['a list whose items hold commas', 'x: ["a,b", c]', 'a,b,c'],
    ['a list of maps', 'x: [{b: 1, a: [x]}, c]', '[{"a":["x"],"b":1},"c"]'],
    ['a map, with its keys in order', 'x: {b: "2,3", a: 1.10}', '{"a":1.1,"b":"2,3"}'],
    ['a secret', 'x: {from_secret: password}', 'open sesame'],
    ['a secret in capitals', 'x: {from_secret: PASSWORD}', 'open sesame'],
    ['an empty secret', 'x: {from_secret: nothing}', ''],
  ])('turn %s into one text', (_, line, text) => {
    expect(environment(runner, line)).toEqual({ PLUGIN_X: text });
  });

  it('leave out what is null', () => {
    expect(environment(runner, 'x: null', 'y: 1')).toEqual({ PLUGIN_Y: '1' });
  });

  it('fail for a secret that does not exist', () => {
    expect(() => environment(runner, 'x: {from_secret: unknown}')).toThrow('no secret unknown');
  });
});

describe('where the runners differ', () => {
  it.each([
    ['a hyphen in a name', 'a-b.c: 1', { 'PLUGIN_A-B.C': '1' }, { PLUGIN_A_B_C: '1' }],
    ['an empty text', 'x: ""', {}, { PLUGIN_X: '' }],
    ['an empty list', 'x: []', {}, { PLUGIN_X: '' }],
    [
      'a secret inside a map',
      'x: {a: {from_secret: token}}',
      { PLUGIN_X: '{"a":{"from_secret":"token"}}' },
      { PLUGIN_X: '{"a":"a\\"b"}' },
    ],
  ])('%s', (_, line, drone, woodpecker) => {
    expect(environment('drone', line)).toEqual(drone);
    expect(environment('woodpecker', line)).toEqual(woodpecker);
  });
});

describe('a pipeline file', () => {
  it('gives the plugin steps of all its documents, with their environment', () => {
    const text = `
kind: pipeline
steps:
  - {name: test, image: go, commands: [make]}
  - {name: one, image: a, settings: {x: 1}, environment: {HOST: h, KEY: {from_secret: password}}}
---
kind: secret
name: s
---
kind: pipeline
steps: [{name: two, image: b, settings: {x: 2}}]
`;
    const steps = readPluginSteps(text);
    expect(steps.map(({ name }) => name)).toEqual(['one', 'two']);
    expect(steps.map((step) => stepEnvironment(step, 'drone', secrets))).toEqual([
      { HOST: 'h', KEY: 'open sesame', PLUGIN_X: '1' },
      { PLUGIN_X: '2' },
    ]);
  });

  it.each([
    ['${CI_SHA}', '0123456789'],
    ['${CI_SHA:0:8}', '01234567'],
    ['$${CI_SHA}', '${CI_SHA}'],
    ['x-${CI_SHA:8:2}-y', 'x-89-y'],
  ])('has %s filled in', (written, text) => {
    const file = `steps: [{name: a, image: b, settings: {tags: "${written}"}}]`;
    expect(readPluginSteps(file, { CI_SHA: '0123456789' })[0]?.settings).toEqual({ tags: text });
  });

  it('fails for a name that nothing is known about, and for broken YAML', () => {
    expect(() => readPluginSteps('steps: ["${UNKNOWN}"]')).toThrow('no fact for ${UNKNOWN}');
    expect(() => readPluginSteps('steps: [')).toThrow(/flow sequence/i);
  });
});
