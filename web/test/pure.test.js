/* The parts of the UI that compute: node --test web/test/ */

import test from 'node:test';
import assert from 'node:assert/strict';
import { age, cpu, dateTime, duration, memory } from '../src/format.js';
import { folded, ordered, sideBySide } from '../src/diff.js';
import { matcher, score } from '../src/filter.js';
import { awsCommand } from '../src/cli.js';
import { counts, median, startTimes, starts } from '../src/series.js';
import { attributesOf, portsTaken, usage } from '../src/host.js';
import { moments, reason, spans, ticks, withHealth } from '../src/trace.js';
import { parseArn } from '../src/arn.js';
import { messages as stream, parseBlock } from '../src/sse.js';
import { messages } from '../src/messages.js';
import { editable } from '../src/definition.js';

const ARN = 'arn:aws:ecs:us-east-1:000000000000:';

test('durations', () => {
    assert.deepEqual([0, 0.0421, 0.9999, 1, 9.96, 59.4, 60, 61, 3600, 3725,
        86400, 90000, 259201].map(duration),
    ['0 ms', '42 ms', '1 s', '1 s', '10 s', '59 s', '1 m', '1 m 1 s',
     '1 h', '1 h 2 m', '1 d', '1 d 1 h', '3 d']);
    assert.equal(duration(undefined), '–');
});

test('ages', () => {
    assert.deepEqual([-3, 0, 59, 60, 3599, 3600, 86399, 86400].map(age),
        ['0s', '0s', '59s', '1m', '59m', '1h', '23h', '1d']);
});

test('times are in the zone asked for', () => {
    assert.match(dateTime(0, 'en', 'Asia/Tokyo'), /Jan 1, 1970.*09:00:00/);
    assert.equal(dateTime(null), '–');
});

test('amounts', () => {
    assert.deepEqual([memory('512'), memory('2048'), memory('1536'),
        memory(0), cpu('256'), cpu('1024'), cpu('2560')],
    ['512 MiB', '2 GiB', '1.5 GiB', '–', '256', '1 vCPU', '2.5 vCPU']);
});

test('keys of objects are put in order, lists are not', () => {
    assert.equal(ordered({ b: [2, 1], a: { d: 1, c: 2 } }),
        ordered(JSON.parse('{"a":{"c":2,"d":1},"b":[2,1]}')));
    assert.notEqual(ordered([1, 2]), ordered([2, 1]));
});

test('lines side by side', () => {
    const kinds = (a, b) => sideBySide(a, b).map(r => r.kind);

    assert.deepEqual(kinds('a\nb\nc', 'a\nB\nc'),
        ['same', 'changed', 'same']);
    assert.deepEqual(kinds('a\nb', 'a'), ['same', 'removed']);
    assert.deepEqual(kinds('a', 'a\nb'), ['same', 'added']);
    assert.deepEqual(kinds('x', 'x'), ['same']);
});

test('both columns can be read back from any difference', () => {
    let seed = 7;
    const draw = n => (seed = seed * 48271 % 2147483647) % n;
    const text = () => Array.from({ length: 1 + draw(9) },
        () => 'abc'[draw(3)]).join('\n');

    for (let i = 0; i < 500; i++) {
        const [left, right] = [text(), text()];
        const rows = sideBySide(left, right);
        const column = name => rows.map(r => r[name])
            .filter(line => line !== undefined).join('\n');

        assert.equal(column('left'), left);
        assert.equal(column('right'), right);
    }
});

test('unchanged lines are folded to one gap', () => {
    const many = Array.from({ length: 20 }, (_, i) => i).join('\n');
    const rows = folded(sideBySide(many, many.replace('10', 'x')), 1);

    assert.deepEqual(rows.map(r => r && r.kind),
        [null, 'same', 'changed', 'same', null]);
});

test('filters', () => {
    const texts = ['web RUNNING', 'api RUNNING', 'web STOPPED'];
    const found = filter => texts.filter(matcher(filter));

    assert.deepEqual(found('web run'), ['web RUNNING']);
    assert.deepEqual(found('!web'), ['api RUNNING']);
    assert.deepEqual(found('/^(api|x)/'), ['api RUNNING']);
    assert.deepEqual(found('/(/'), []);
    assert.deepEqual(found(''), texts);
    assert.ok(score('web', 'web') > score('web', 'my-web'));
    assert.ok(score('web', 'my-web') > score('web', 'wxexb'));
    assert.equal(score('web', 'bew'), 0);
});

test('the aws command of a call', () => {
    assert.equal(awsCommand('UpdateService', {
        cluster: 'shop', desiredCount: 0, forceNewDeployment: true,
        enableExecuteCommand: false, taskDefinition: undefined,
    }), ['aws ecs update-service', '--cluster shop', '--desired-count 0',
        '--force-new-deployment', '--no-enable-execute-command']
        .join(' \\\n    '));
    assert.equal(awsCommand('DescribeTasks', { tasks: ['a', 'b c'] }),
        'aws ecs describe-tasks \\\n    --tasks a \'b c\'');
    assert.equal(awsCommand('StopTask', { reason: 'it\'s over' }),
        'aws ecs stop-task \\\n    --reason \'it\'\\\'\'s over\'');
    assert.equal(awsCommand('TagResource', { tags: [{ key: 'a' }] }),
        'aws ecs tag-resource \\\n    --tags \'[{"key":"a"}]\'');
});

const LIFE = { createdAt: 10, pullStartedAt: 11, pullStoppedAt: 13,
               startedAt: 14, lastStatus: 'RUNNING',
               desiredStatus: 'RUNNING' };

test('the spans of a life', () => {
    assert.deepEqual(spans(LIFE, 20), [
        { key: 'waiting', from: 10, to: 11, open: false },
        { key: 'pulling', from: 11, to: 13, open: false },
        { key: 'starting', from: 13, to: 14, open: false },
        { key: 'running', from: 14, to: 20, open: true },
    ]);
    assert.deepEqual(spans({ ...LIFE, stoppingAt: 16, executionStoppedAt: 17,
                             stoppedAt: 18 }, 99).slice(3), [
        { key: 'running', from: 14, to: 16, open: false },
        { key: 'stopping', from: 16, to: 18, open: false },
    ]);
    assert.deepEqual(spans({ createdAt: 10, pullStartedAt: 11 }, 15).at(-1),
        { key: 'pulling', from: 11, to: 15, open: true });
    assert.deepEqual(spans({ createdAt: 10, stoppingAt: 12, stoppedAt: 12 },
        15).map(s => [s.key, s.from, s.to]),
    [['waiting', 10, 12], ['stopping', 12, 12]]);
});

test('spans follow each other without overlap', () => {
    for (const list of [spans(LIFE, 20), spans({ ...LIFE, stoppingAt: 12.5,
        stoppedAt: 18, startedAt: undefined }, 20)])
    {
        list.slice(1).forEach((s, i) => assert.ok(s.from >= list[i].from));
        list.forEach(s => assert.ok(s.to >= s.from));
    }
});

test('events tell when a task came to be healthy', () => {
    const event = (healthStatus, second) => ({ detail: { healthStatus },
        time: new Date(second * 1000).toISOString() });
    const whole = withHealth({ ...LIFE, startedAt: 14.5 }, [
        event('UNKNOWN', 12), event('HEALTHY', 14), event('HEALTHY', 15),
        event('UNHEALTHY', 18)]);

    assert.equal(whole.healthyAt, 14.5);
    assert.equal(whole.unhealthyAt, 18);
    assert.deepEqual(spans(whole, 20).find(s => s.key === 'health'),
        { key: 'health', from: 14.5, to: 14.5, open: false });
    assert.deepEqual(moments(whole).map(m => m.key).slice(-2),
                     ['healthyAt', 'unhealthyAt']);
    assert.equal(withHealth(LIFE, []).healthyAt, undefined);
    assert.ok(!spans(LIFE, 20).some(s => s.key === 'health'));
});

test('moments, ticks and reasons', () => {
    assert.deepEqual(moments(LIFE).map(m => m.key), ['createdAt',
        'pullStartedAt', 'pullStoppedAt', 'startedAt']);
    assert.deepEqual(ticks(12), [0, 5, 10]);
    assert.ok(ticks(1e9).length < 20);
    assert.equal(reason(LIFE), null);
    assert.equal(reason({ lastStatus: 'PENDING' }), 'why.unplaced');
    assert.equal(reason({ lastStatus: 'PENDING',
                          containerInstanceArn: 'arn' }), 'why.placed');
    assert.equal(reason({ lastStatus: 'STOPPED',
                          stopCode: 'UserInitiated' }),
                 'stop.UserInitiated');
});

test('what can be registered of what was described', () => {
    assert.deepEqual(editable({ taskDefinitionArn: 'x', revision: 1,
        status: 'ACTIVE', registeredAt: 1, registeredBy: 'y', volumes: [],
        family: 'web', containerDefinitions: [{ name: 'a' }] }),
    { family: 'web', containerDefinitions: [{ name: 'a' }] });
});

test('ARNs', () => {
    assert.deepEqual(parseArn(`${ARN}task/demo/0a1b`),
        { kind: 'task', cluster: 'demo', name: '0a1b' });
    assert.deepEqual(parseArn(`${ARN}cluster/demo`),
        { kind: 'cluster', cluster: 'demo', name: 'demo' });
    assert.deepEqual(parseArn(`${ARN}task-definition/web:3`),
        { kind: 'task-definition', cluster: undefined, name: 'web:3' });
});

test('a stream in pieces', async () => {
    const text = ': hello\n\nid: 7\nevent: message\ndata: {"a":\ndata: "é"}'
        + '\n\nevent: gone\ndata:\n\n';
    const bytes = new TextEncoder().encode(text);
    const body = new ReadableStream({
        start(c) {
            bytes.forEach(b => c.enqueue(new Uint8Array([b])));
            c.close();
        },
    });
    const found = [];

    for await (const m of stream(body)) {
        found.push(m);
    }

    assert.deepEqual(found.slice(1), [
        { id: '7', event: 'message', data: '{"a":\n"é"}' },
        { id: '', event: 'gone', data: '' },
    ]);
    assert.equal(parseBlock('data').data, '');
});

test('every text is there in both languages', () => {
    for (const [key, texts] of Object.entries(messages)) {
        assert.equal(texts.length, 2, key);
        texts.forEach(text => assert.ok(text, key));

        const places = texts.map(s => [...s.matchAll(/\{\d\}/g)].map(String)
            .sort().join());

        assert.equal(places[0], places[1], key);
    }
});

const RAN = { createdAt: 10, pullStartedAt: 11, pullStoppedAt: 13,
              startedAt: 14, stoppingAt: 30, stoppedAt: 31,
              lastStatus: 'STOPPED', containers: [] };

test('counts of tasks over time', () => {
    const runs = { createdAt: 20, startedAt: 22, lastStatus: 'RUNNING' };
    const fails = { createdAt: 24, stoppedAt: 26, lastStatus: 'STOPPED',
                    stopCode: 'TaskFailedToStart' };
    const [x, running, pending, desired] = counts([RAN, runs, fails],
        [[12, 1], [20, 2]], 0, 40);
    const at = moment => {
        const i = x.indexOf(moment);

        return [running[i], pending[i], desired[i]];
    };

    assert.deepEqual(x, [0, 10, 12, 14, 20, 22, 24, 26, 30, 40]);
    assert.deepEqual(at(0), [0, 0, null]);
    assert.deepEqual(at(12), [0, 1, 1]);
    assert.deepEqual(at(14), [1, 0, 1]);
    assert.deepEqual(at(20), [1, 1, 2]);
    assert.deepEqual(at(24), [2, 1, 2]);
    assert.deepEqual(at(26), [2, 0, 2]);
    assert.deepEqual(at(40), [1, 0, 2]);
    assert.deepEqual(counts([RAN], [[12, 1]], 20, 25),
                     [[20, 25], [1, 1], [0, 0], [1, 1]]);
});

test('starts, stops and how long starting took', () => {
    const fails = { ...RAN, containers: [{ exitCode: 1 }] };
    const [x, started, stopped, failed] = starts([RAN, fails], 0, 90);

    assert.equal(x.length, started.length);
    assert.equal(started[2], 2);
    assert.equal(stopped[6], 1);
    assert.equal(failed[6], 1);
    assert.deepEqual(startTimes([RAN], 0, 90), [[14], [4], [2]]);
    assert.deepEqual(startTimes([RAN], 15, 90), [[], [], []]);
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([1, 2]), 1.5);
    assert.equal(median([]), null);
});

test('what container instances have', () => {
    const one = {
        registeredResources: [{ name: 'CPU', integerValue: 2048 }],
        remainingResources: [{ name: 'CPU', integerValue: 1024 },
            { name: 'PORTS', stringSetValue: ['22'] },
            { name: 'PORTS_UDP', stringSetValue: ['53'] }],
        attributes: [{ name: 'ecs.os-type', value: 'linux' },
            { name: 'ecs.capability.efs' },
            { name: 'com.amazonaws.ecs.capability.ecr-auth' }],
    };

    assert.deepEqual(usage([one, one], 'CPU'), { used: 2048, total: 4096 });
    assert.deepEqual(usage([], 'GPU'), { used: 0, total: 0 });
    assert.deepEqual(portsTaken(one), ['22', '53/udp']);
    assert.deepEqual(attributesOf(one), {
        named: [{ name: 'ecs.os-type', value: 'linux' }],
        capabilities: ['efs', 'ecr-auth'],
    });
});
