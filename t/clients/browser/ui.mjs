/*
 * The web UI on simulated containers: each view and action, as a reader
 * would use it; see kit.mjs.
 */

import { base, breakLine, forgive, line, ok, is, api, shot, accessible,
         confirm, appears, until, ui, browser, context, page, at, button,
         dialog, rows, title, run as runAll } from './kit.mjs';

/*
 * What others do arrives by itself; while nothing is done, nothing is asked.
 * The page comes before any answer tells a position, and after.
 */

async function live() {
    let asked = 0;

    await at('/');
    await page.locator('.empty').waitFor();
    await appears(page.locator('.connection'), 'Live',
                  'the page follows the stream of events');
    await api('CreateCluster', { clusterName: 'other' });
    await appears(rows, 'other', 'what others create appears');
    await page.waitForLoadState('load');

    const count = r => (asked += r.url().startsWith(base));

    page.on('request', count);
    await page.waitForTimeout(7000);
    page.off('request', count);
    is(asked, 0, 'without polling');
    await api('RegisterTaskDefinition', { family: 'other',
        containerDefinitions: [{ name: 'a', image: 'a', memory: 64 }] });
    await api('RunTask', { cluster: 'other', taskDefinition: 'other' });
    await appears(rows.locator('.count[data-tone="ok"]'), '1',
                  'counts follow');
    await at('/events');
    await appears(rows, 'ECS Task State Change', 'events are told');
    await appears(rows, 'RUNNING', 'with their states');
    await accessible(page, 'events');

    const { taskArns } = await api('ListTasks', { cluster: 'other' });

    await api('StopTask', { cluster: 'other', task: taskArns[0] });
    await appears(rows, 'STOPPED', 'as they come');
    await api('DeregisterTaskDefinition', { taskDefinition: 'other:1' });
    await at('/clusters/other/tasks?show=stopped');
    await appears(page.locator('tbody .status'), 'STOPPED', 'a task ends');
    await api('DeleteCluster', { cluster: 'other' });
    await at('/');
    await appears(page.locator('.empty'), 'No clusters yet',
                  'what others delete is gone');
}

/* A connection that breaks: what came meanwhile is not missed. */

async function resumed() {
    await at('/');
    await appears(page.locator('.connection'), 'Live', 'before a break');
    breakLine();
    await appears(page.locator('.connection'), 'Connecting',
                  'a break is shown');
    await api('CreateCluster', { clusterName: 'meanwhile' });
    line.up = true;
    await appears(rows, 'meanwhile', 'after it nothing is missing');
    await appears(page.locator('.connection'), 'Live', 'and it goes on');
    await api('DeleteCluster', { cluster: 'meanwhile' });
    forgive(/net::ERR_/);
}

/* The log no longer reaches back: all is read anew, which is said. */

async function gone() {
    await page.goto('about:blank');
    await at('/events');
    await appears(page.locator('.connection'), 'Live',
                  'events are followed where nothing else is asked for');
    await page.route(/\/events\?/, route => route.fulfill({ status: 410,
        contentType: 'application/x-amz-json-1.1', body: '{}' }),
        { times: 1 });
    breakLine();
    line.up = true;
    await appears(page.locator('.toast'), 'no longer reaches back',
                  'a log that does not reach back is told');
    await appears(rows, 'Gap', 'and stands in the log of events');
    await accessible(page, 'gap');
    await appears(page.locator('.connection'), 'Live',
                  'and the stream goes on');
    await page.unroute(/\/events\?/);
    forgive(/ 410 |net::ERR_/);
}

async function clusters() {
    await at('/');
    await appears(page.locator('.empty'), 'No clusters yet',
                  'without clusters that is said');
    await page.keyboard.press('n');
    await dialog.getByLabel('Name').fill('shop');
    await appears(dialog.locator('.command'),
                  'aws ecs create-cluster \\\n    --cluster-name shop',
                  'the equal aws command is shown');
    await confirm('Create cluster');
    await appears(title, 'shop', 'a cluster is created and opened');
    await at('/');
    await appears(rows, 'shop', 'it is in the list');
    await accessible(page, 'clusters');
}

async function definitions() {
    await at('/task-definitions');
    await button('Register task definition').click();
    await dialog.getByLabel('Task definition as JSON').fill(JSON.stringify({
        family: 'front',
        containerDefinitions: [{ name: 'web', image: 'nginx:1', memory: 64,
            portMappings: [{ containerPort: 80 }],
            environment: [{ name: 'COLOUR', value: 'blue' }] }],
    }));
    await accessible(page, 'register dialog');
    await confirm('Register');
    await appears(title, 'front:1', 'a task definition is registered');
    await button('New revision').click();

    const json = dialog.getByLabel('Task definition as JSON');
    const text = await json.inputValue();

    await json.fill(text.replace('nginx:1', 'nginx:2'));
    await confirm('Register');
    await appears(title, 'front:2', 'an edited copy is a new revision');
    await button('Compare with front:1').click();
    await appears(page.locator('.compare .changed'), 'nginx:2',
                  'two revisions are compared');
    is(await page.locator('.compare .changed').count(), 1,
       'only what changed is marked');
    await accessible(page, 'task definition');
    await at('/task-definitions');
    await appears(rows, 'front', 'families are listed');
    await accessible(page, 'task definitions');
}

async function services() {
    await at('/clusters/shop');
    await button('Create service').click();
    await dialog.getByLabel('Name').fill('web');
    await dialog.getByLabel('Task definition').fill('front:1');
    await dialog.getByLabel('Desired').fill('3');
    await confirm('Create service');
    await appears(title, 'web', 'a service is created and opened');
    await appears(page.locator('.heading .meter'), '3/3',
                  'its tasks come to run while one looks');
    await appears(page.locator('.timeline .status'), 'SUCCESSFUL',
                  'its deployment comes to its end');
    await accessible(page, 'service');
    await at('/clusters/shop');
    await appears(rows, 'COMPLETED', 'the cluster lists it');
    await accessible(page, 'cluster');
}

async function update() {
    await at('/clusters/shop/services/web');
    await page.locator('.rollout').first().waitFor();
    await page.keyboard.press('s');
    await dialog.getByLabel('Desired').fill('4');
    await accessible(page, 'scale dialog');
    await confirm('Scale');
    await appears(page.locator('.heading .meter'), '4/4',
                  'a service is scaled');
    await page.keyboard.press('u');
    await dialog.getByLabel('Task definition').fill('front:2');
    await confirm('Update');
    await appears(page.locator('.rollout'), 'front:2',
                  'an update deploys another revision');
    await shot(page, 'rollout');
    await appears(page.locator('.heading .summary'), 'COMPLETED',
                  'and comes to its end');
    await at('/clusters/shop/services/web/revisions');
    await appears(page.locator('.compare .changed'), 'nginx:2',
                  'its revisions are compared, definitions included');
    await accessible(page, 'service revisions');
    await at('/clusters/shop/services/web/configuration');
    await button('Edit tags').click();
    await dialog.getByLabel('Tags').fill('team=shop\ntier = front');
    await confirm('Save');
    await appears(page.locator('.tags'), 'shop', 'tags are edited');
    await accessible(page, 'service configuration');
    await at('/clusters/shop/services/web/events');
    await appears(page.locator('.messages'), 'has reached a steady state',
                  'events of the service are listed');
    await accessible(page, 'service events');
}

async function tasks() {
    await at('/clusters/shop/tasks');
    await appears(rows, 'service:web', 'tasks are listed');
    is(await rows.count(), 4, 'those that live');
    await accessible(page, 'tasks');
    await page.keyboard.press('j');
    await page.keyboard.press('j');
    await page.keyboard.press('k');
    await page.keyboard.press('Enter');
    await appears(page.locator('.trace'), 'Pull',
                  'j, k and Enter open a task with its trace');
    is(await page.locator('.moments time').first().evaluate(
        e => /GMT\+9/.test(e.title)), true,
       'times are in the zone of the reader');
    await accessible(page, 'task');
    await page.keyboard.press('x');
    await dialog.getByLabel('Reason').fill('a test');
    await confirm('Stop');
    await appears(page.locator('.heading .status'), 'STOPPED',
                  'a task is stopped');
    await appears(page.locator('.callout'), 'a test', 'and says why');
    await accessible(page, 'stopped task');
    await page.keyboard.press('Escape');
    await page.waitForURL(/clusters\/shop\/tasks$/);
    ok(true, 'Escape goes one level up');
}

/* Beyond the API, which with simulated containers is nothing. */

async function runtime() {
    await at('/clusters/shop/tasks');
    await rows.first().getByRole('link').first().click();
    await page.locator('.tabs').getByText('Kubernetes').click();
    await appears(page.locator('.panel'), 'Containers are simulated',
                  'a simulated task has no pod, which is said');
    await accessible(page, 'simulated in kubernetes');
    await button('日本語で表示').click();
    await appears(page.locator('.panel'), 'シミュレート', 'in Japanese, too');
    await button('Show in English').click();

    const down = route => route.fulfill({ status: 503,
        contentType: 'application/json', body: JSON.stringify({
            __type: 'ServiceUnavailableException',
            message: 'The reconciler does not answer' }) });

    await page.route('**/ui/runtime/**', down);
    await button('Read again').click();
    await appears(page.getByRole('alert'), 'The reconciler does not answer',
                  'without a reconciler that is said');
    await accessible(page, 'no reconciler');
    await page.unroute('**/ui/runtime/**', down);
    forgive(/ 503 /);
    await button('Read again').click();
    await appears(page.locator('.panel'), 'Containers are simulated',
                  'until it is back');
}

const counted = many => page.waitForFunction(n => document.querySelectorAll(
    'tbody tr[aria-rowindex]').length === n, many);

/* Plots are loaded when they are looked at, from what the API tells. */

async function metrics() {
    const plots = page.waitForRequest(/plots-/);

    await at('/clusters/shop/services/web/metrics');
    await plots;
    await page.locator('.plot canvas').first().waitFor();
    is(await page.locator('.plot canvas').count(), 3, 'three plots');
    await appears(page.locator('.tiles'), 'Median start', 'and figures');
    await page.getByRole('img', { name: /^Tasks: Running [4-9], .*Desired 4/ })
        .waitFor();
    ok(true, 'which are told without colours, too');
    ok(await page.locator('.plot canvas').first().evaluate(canvas => {
        const { data } = canvas.getContext('2d').getImageData(0, 0,
            canvas.width, canvas.height);

        return data.some((byte, i) => i % 4 === 3 && byte > 0);
    }), 'something is drawn');
    await page.getByRole('button', { name: '1h' }).click();
    await page.waitForURL(/range=1h/);
    await page.mouse.move(700, 480);
    await accessible(page, 'metrics');
    await page.keyboard.press(']');
    await page.waitForURL(/web\/revisions/);
    await page.keyboard.press('[');
    await page.waitForURL(/web\/metrics/);
    ok(true, '[ and ] lead to the sections beside');
}

/* A deployment that waits at a hook, until somebody lets it go on. */

async function hook() {
    await api('CreateService', { cluster: 'shop', serviceName: 'green',
        taskDefinition: 'front:1', desiredCount: 1,
        deploymentConfiguration: { strategy: 'BLUE_GREEN',
            bakeTimeInMinutes: 0, lifecycleHooks: [{ targetType: 'PAUSE',
                lifecycleStages: ['POST_SCALE_UP'] }] } });
    await at('/clusters/shop/services/green');
    await appears(page.locator('.hook'), 'Waits at POST_SCALE_UP',
                  'a deployment waits at a hook');
    await appears(page.locator('.flow'), 'front:1',
                  'its revision is told by its task definition');
    await accessible(page, 'hook');
    await button('Continue').click();
    await appears(dialog.locator('.command'),
                  'aws ecs continue-service-deployment',
                  'the equal aws command');
    await confirm('Continue');
    await appears(page.locator('.timeline .status'), 'SUCCESSFUL',
                  'it goes on to its end');
    await page.keyboard.press('D');
    await dialog.getByLabel('Type green to confirm').fill('green');
    await confirm('Delete');
}

/* What only its events tell: when a task came to be healthy, and not. */

async function health() {
    await api('RegisterTaskDefinition', { family: 'checked',
        containerDefinitions: [{ name: 'a', image: 'a', memory: 64,
            healthCheck: { command: ['CMD', 'true'] },
            dockerLabels: { 'kecs.simulated.health-after': '1000' } }] });

    const { tasks: [task] } = await api('RunTask',
        { cluster: 'shop', taskDefinition: 'checked' });
    const id = task.taskArn.split('/').pop();

    await until('the task is healthy', async () => (await api(
        'DescribeTasks', { cluster: 'shop', tasks: [id] }))
        .tasks[0].healthStatus === 'HEALTHY');
    await page.goto('about:blank');
    await at(`/clusters/shop/tasks/${id}`);
    await appears(page.locator('.trace .name'), 'Health',
                  'the trace has the time to its first health');
    await appears(page.locator('.moments'), 'Healthy', 'and the moment');
    await api('StopTask', { cluster: 'shop', task: id });
    await appears(page.locator('.trace .name'), 'Stop', 'and its end');
}

async function run() {
    await at('/clusters/shop');
    await button('Run task').click();
    await dialog.getByLabel('Task definition').fill('front');
    await dialog.getByLabel('Number').fill('2');
    await confirm('Run task');
    await at('/clusters/shop/tasks?q=family:front');
    await page.waitForFunction(() => document.querySelectorAll(
        'tbody tr[aria-rowindex]').length === 2);
    ok(true, 'tasks are run, and the filter is in the address');
    await page.keyboard.press('/');
    await page.keyboard.type(' !family');
    await appears(page.locator('.empty'), 'Nothing matches',
                  '/ filters, !word excludes');
}

async function instances() {
    await at('/clusters/shop/instances');
    await appears(rows, 'i-0000', 'container instances are listed');
    await accessible(page, 'instances');
    await rows.getByRole('link').first().click();
    await appears(page.locator('.usages'), 'left',
                  'one shows what it has left');
    await appears(page.locator('.panel'), 'ecs.availability-zone',
                  'and its attributes');
    await accessible(page, 'instance');
    await page.keyboard.press('x');
    await appears(dialog.locator('.command'),
                  'aws ecs update-container-instances-state',
                  'the equal aws command to drain it is shown');
    await confirm('Drain');
    await appears(page.locator('.heading .status'), 'DRAINING',
                  'it is drained');
    await button('Activate').click();
    await confirm('Activate');
    await appears(page.locator('.heading .status'), 'ACTIVE',
                  'and takes tasks again');
    await page.locator('.heading').getByRole('button',
        { name: 'Edit tags' }).click();
    await dialog.getByLabel('Tags').fill('rack=7');
    await confirm('Save');
    await appears(page.locator('.tags'), 'rack', 'it has tags');
    await at('/clusters/shop/tasks');
    await rows.filter({ hasText: 'service:web' }).first()
        .getByRole('link').first().click();
    await page.getByText('Container instance').first().waitFor();
    await page.locator('.facts a[href*="/instances/"]').click();
    await page.waitForURL(/instances/);
    await page.locator('.usages').waitFor();
    await page.locator('.tabs').getByText('Tasks').click();
    await appears(rows, 'service:web', 'its tasks are listed');
    await accessible(page, 'tasks of an instance');
    await page.keyboard.press('D');
    await dialog.getByRole('textbox').fill(await title.innerText());
    await confirm('Deregister');
    await page.waitForURL(/instances$/);
    await counted(2);
    ok(true, 'an instance is deregistered');
}

/* Many at once: one confirmation that lists them and all commands. */

async function bulk() {
    await at('/clusters/shop/instances');
    await counted(3);
    await page.getByLabel('Mark all').check();
    await appears(page.getByRole('toolbar'), '3 marked', 'rows are marked');
    await accessible(page, 'marked');
    await button('Drain').click();
    is(await dialog.locator('.chosen li').count(), 3, 'they are listed');
    await appears(dialog.locator('.command'), '--container-instances ',
                  'with the equal aws command');
    await confirm('Drain');
    await page.waitForFunction(() => document.querySelectorAll(
        'tbody .status[data-tone="warn"]').length === 3);
    ok(true, 'all of them are drained');
    await page.keyboard.press('Shift+A');
    await confirm('Activate');
    await page.waitForFunction(() => document.querySelectorAll(
        'tbody .status[data-tone="warn"]').length === 0);
    await page.keyboard.press('Escape');
    is(await page.getByRole('toolbar').count(), 0, 'Escape unmarks them');
    await at('/clusters/shop/tasks?q=family:front&sort=task');
    await counted(2);
    await page.keyboard.press('j');
    await page.keyboard.press(' ');
    await appears(page.getByRole('toolbar'), '1 marked', 'Space marks one');
    await page.keyboard.press('a');
    await appears(page.getByRole('toolbar'), '2 marked', 'a all');
    await page.keyboard.press('x');
    is((await dialog.locator('.command pre').innerText())
        .match(/aws ecs stop-task/g).length, 2, 'a command for each task');
    await accessible(page, 'stop many');
    await confirm('Stop');
    await appears(page.locator('.empty'), 'Nothing matches', 'both stop');
}

async function others() {
    await at('/clusters/shop/capacity');
    await appears(page.locator('.panel'), 'Default strategy',
                  'capacity is shown');
    await appears(page.locator('.hosts a'), 'i-0000',
                  'with what each instance has');
    await accessible(page, 'capacity');
    await at('/clusters/shop/events');
    await appears(rows, 'web', 'events of the cluster are listed');
    await accessible(page, 'cluster events');
    await at('/clusters/shop/settings');
    await appears(page.locator('.facts'), 'containerInsights',
                  'settings of the cluster');
    await accessible(page, 'cluster settings');
}

async function palette() {
    await at('/');
    await title.waitFor();
    await page.keyboard.press(':');
    await page.keyboard.type('web');
    await appears(dialog.getByRole('option'), 'web',
                  'the palette finds a service');
    await accessible(page, 'palette');
    await page.keyboard.press('Enter');
    await appears(title, 'web', 'and opens it');

    const { taskArns: [arn] } = await api('ListTasks', { cluster: 'shop' });
    const id = arn.split('/').pop();

    await page.keyboard.press(':');
    await page.keyboard.type(id);
    await appears(dialog.getByRole('option'), id, 'a task by its id, too');
    await page.keyboard.press('Enter');
    await page.waitForURL(new RegExp(`tasks/${id}`));
    await page.locator('.trace').waitFor();
    await page.keyboard.press(':');
    await page.keyboard.type(':capacity shop');
    await appears(dialog.getByRole('option'), 'Capacity · shop',
                  'and it takes commands');
    await page.keyboard.press('Enter');
    await page.waitForURL(/shop\/capacity/);
    await page.locator('.hosts').waitFor();
    await page.keyboard.press('?');
    await appears(dialog, 'One level up', '? shows the keys');
    await accessible(page, 'help');
    await page.keyboard.press('Escape');
}

const VIEWS = ['/', '/clusters/shop', '/clusters/shop/tasks',
    '/clusters/shop/instances', '/clusters/shop/capacity',
    '/clusters/shop/events', '/clusters/shop/settings',
    '/clusters/shop/services/web', '/clusters/shop/services/web/metrics',
    '/clusters/shop/services/web/events',
    '/clusters/shop/services/web/revisions',
    '/clusters/shop/services/web/configuration', '/task-definitions',
    '/task-definitions/front', '/events'];

/* In the page: what is wider than it may be. */

function clipped() {
    const wide = document.documentElement.scrollWidth > innerWidth
        ? ['the page'] : [];
    const cut = [...document.querySelectorAll(
        'button, h1, h2, dt, .tabs a, .places a, .status, .failure, p')]
        .filter(e => e.offsetParent
            && (innerWidth > 820 || !e.matches('.actions button'))
            && e.scrollWidth > e.clientWidth + 1
            && getComputedStyle(e).display !== 'inline');

    return [...wide, ...cut.map(e => e.outerHTML.slice(0, 120))].join(' | ');
}

async function language() {
    await at('/');
    await button('日本語で表示').click();
    await appears(title, 'クラスター', 'all of it speaks Japanese');
    await accessible(page, 'japanese');

    for (const width of [1360, 390]) {
        await page.setViewportSize({ width, height: 850 });

        for (const hash of VIEWS) {
            await at(hash);
            await title.waitFor();
            await page.locator('.panel, .tablebox, .scrolls').first()
                .waitFor();
            is(await page.evaluate(clipped), '',
               `${hash}: no Japanese text is cut off at ${width}`);
            await shot(page, `japanese-${width}${hash.replaceAll('/', '-')}`);
        }
    }

    await page.setViewportSize({ width: 1360, height: 850 });
    await button('Show in English').click();
}

async function narrow() {
    await page.setViewportSize({ width: 390, height: 844 });

    for (const hash of VIEWS) {
        await at(hash);
        await title.waitFor();
        is(await page.evaluate(() => document.documentElement.scrollWidth),
           390, `${hash} fits a phone`);
        await accessible(page, `phone ${hash.replaceAll('/', ' ').trim()}`);
    }

    await page.setViewportSize({ width: 1360, height: 850 });
}

async function remove() {
    await at('/clusters/shop/services/web');
    await page.locator('.rollout').first().waitFor();
    await page.keyboard.press('f');
    await confirm('Force new deployment');
    await page.waitForFunction(() =>
        document.querySelectorAll('.timeline .entry').length === 4);
    ok(true, 'a new deployment is forced');
    await page.keyboard.press('D');
    is(await button('Delete', dialog).isEnabled(), false,
       'a service is not deleted before its name is typed');
    await dialog.getByLabel('Type web to confirm').fill('web');
    await confirm('Delete');
    await page.waitForURL(/clusters\/shop\/services$/);
    await appears(page.locator('.empty'), 'No services yet',
                  'it drains and is gone');
    await at('/task-definitions/front/2');
    await button('Deregister').click();
    await confirm('Deregister');
    await appears(title, 'front:3', 'a revision is deregistered');
    await page.locator('.revisions li').first().waitFor();
    is(await page.locator('.revisions li').count(), 2, 'and listed no more');

    const { taskArns } = await api('ListTasks', { cluster: 'shop' });

    for (const task of taskArns) {
        await api('StopTask', { cluster: 'shop', task });
    }

    await at('/clusters/shop');
    await until('no task is left', async () => {
        const left = await Promise.all(['RUNNING', 'STOPPED'].map(
            desiredStatus => api('ListTasks', { cluster: 'shop',
                                                desiredStatus })));
        const tasks = left.flatMap(l => l.taskArns).slice(0, 100);
        const seen = await api('DescribeTasks', { cluster: 'shop', tasks });

        return seen.tasks.every(x => x.lastStatus === 'STOPPED');
    });
    await button('Delete').click();
    await dialog.getByLabel('Type shop to confirm').fill('shop');
    await confirm('Delete');
    await appears(page.locator('.empty'), 'No clusters yet',
                  'a cluster is deleted');
}

/* A refused call is told where it was made, and nothing is lost. */

async function refused() {
    await at('/');
    await button('Create cluster').click();
    await dialog.getByLabel('Name').fill('not a name');
    await button('Create cluster', dialog).click();
    await appears(dialog.getByRole('alert'), 'InvalidParameterException',
                  'what the API refuses is told in its words');
    await accessible(page, 'refused');
    await page.keyboard.press('Escape');
    await dialog.waitFor({ state: 'detached' });
    forgive(/ 400 /);
}

/* A rollout that cannot end is rolled back; its tasks say why they fail. */

async function rollback() {
    await api('RegisterTaskDefinition', { family: 'front',
        containerDefinitions: [{ name: 'web', image: 'nginx:3', memory: 64,
            dockerLabels: { 'kecs.simulated.pull-error':
                'manifest unknown' } }] });
    await at('/clusters/shop/services/web');
    await page.locator('.rollout').first().waitFor();
    await page.keyboard.press('u');
    await dialog.getByLabel('Task definition').fill('front:3');
    await dialog.getByLabel('Circuit breaker').uncheck();
    await confirm('Update');
    await at('/clusters/shop/services/web/tasks?show=stopped');
    await appears(rows, 'manifest unknown', 'a task that fails says why');
    await rows.filter({ hasText: 'manifest unknown' }).first()
        .getByRole('link').click();
    await appears(page.locator('.callout'), 'TaskFailedToStart',
                  'in the words of ECS');
    await accessible(page, 'failed task');
    await at('/clusters/shop/services/web');
    await appears(page.locator('.rollout .bad'), 'failed',
                  'failures are counted');
    await accessible(page, 'failing rollout');
    await page.locator('.timeline').getByRole('button',
        { name: 'Roll back' }).first().click();
    await confirm('Roll back');
    await appears(page.locator('.heading .summary'), 'front:2',
                  'a rollout is rolled back');
    await appears(page.locator('.timeline .status'), 'ROLLBACK_SUCCESSFUL',
                  'and that comes to its end');
}

/* Another account sees nothing of this one. */

async function scope() {
    await at('/');
    await page.locator('.scope').click();
    await dialog.getByLabel('Account').fill('123');
    await appears(dialog.getByRole('alert'), '12 digits',
                  'an account has 12 digits');
    await dialog.getByLabel('Account').fill('123456789012');
    await dialog.getByLabel('Region').fill('eu-central-1');
    await accessible(page, 'scope');
    await confirm('Use');
    await appears(page.locator('.empty'), 'No clusters yet',
                  'another account and region have nothing');
    await page.keyboard.press('n');
    await dialog.getByLabel('Name').fill('theirs');
    await confirm('Create cluster');
    await at('/clusters/theirs/settings');
    await appears(page.locator('.facts code'),
        'arn:aws:ecs:eu-central-1:123456789012:cluster/theirs',
        'what is made there is there');
    await page.getByRole('link', { name: 'Clusters' }).first().click();
    await page.locator('.scope').click();
    await dialog.getByLabel('Account').fill('');
    await dialog.getByLabel('Region').fill('');
    await confirm('Use');
    await appears(rows, 'shop', 'and back again');
}

/* Ten thousand tasks, of two services, and their ARNs. */

const MANY = 10000;

async function crowd() {
    await api('CreateCluster', { clusterName: 'crowd' });
    await api('RegisterTaskDefinition', { family: 'small', cpu: '256',
        memory: '512', networkMode: 'awsvpc',
        requiresCompatibilities: ['FARGATE'],
        containerDefinitions: [{ name: 'app', image: 'small' }] });

    for (const serviceName of ['left', 'right']) {
        await api('CreateService', { cluster: 'crowd', serviceName,
            taskDefinition: 'small', launchType: 'FARGATE',
            desiredCount: MANY / 2, availabilityZoneRebalancing: 'DISABLED',
            networkConfiguration: { awsvpcConfiguration: {
                subnets: ['subnet-1'] } } });
    }

    await until('ten thousand tasks to run', async () =>
        (await api('DescribeClusters', { clusters: ['crowd'] }))
            .clusters[0].runningTasksCount === MANY);

    const all = [];
    let nextToken;

    do {
        const page = await api('ListTasks', { cluster: 'crowd', nextToken });

        all.push(...page.taskArns);
        nextToken = page.nextToken;
    } while (nextToken);

    return all.sort();
}

const shown = n => page.waitForFunction(m => document.querySelector('table')
    ?.getAttribute('aria-rowcount') === String(m + 1), n,
    { timeout: 120000 });

async function many() {
    await page.goto('about:blank');

    const ids = (await crowd()).map(arn => arn.split('/').pop());
    const started = Date.now();

    await at('/clusters/crowd/tasks?sort=task');
    await shown(MANY);
    console.log(`# ten thousand tasks are read in ${Date.now() - started} ms`);
    ok(await rows.count() < 100,
       'of ten thousand tasks those in sight are in the document');
    await page.locator('.tablebox').focus();
    await page.keyboard.press('G');
    await appears(page.locator(`tr[aria-rowindex="${MANY + 1}"]`),
                  'service:', 'G leads to the last one');
    ok(await rows.count() < 100, 'still only those in sight');

    const took = await page.evaluate(async () => {
        const started = performance.now();

        document.querySelector('th button').click();
        await new Promise(f => requestAnimationFrame(
            () => requestAnimationFrame(f)));

        return performance.now() - started;
    });

    console.log(`# ten thousand rows are sorted and shown in ${
        Math.round(took)} ms`);
    await page.keyboard.press('/');
    await page.keyboard.type(ids[7]);
    await shown(1);
    ok(true, 'the filter looks at all of them');
    await api('StopTask', { cluster: 'crowd', task: ids[7] });
    await appears(rows, 'STOPPED', 'one of them is seen to stop');
    await page.goto('about:blank');
}

async function size() {
    const fresh = await browser.newContext();
    const first = await fresh.newPage();
    const session = await fresh.newCDPSession(first);
    let bytes = 0;

    const asked = [];

    first.on('request', r => asked.push(r.url()));
    await session.send('Network.enable');
    session.on('Network.loadingFinished', e => {
        bytes += e.encodedDataLength;
    });
    await first.goto(ui);
    await first.locator('h1').waitFor();
    await first.waitForLoadState('load');
    console.log(`# first load: ${bytes} bytes`);
    ok(bytes > 1000 && bytes < 60000, 'the first load is below 60 kB');
    ok(!asked.some(url => /plots/.test(url)), 'without plots');
    await fresh.close();
}

await runAll([size, live, resumed, gone, clusters, definitions, services,
              update, hook, metrics, tasks, runtime, health, run, bulk,
              instances, others, palette, language, narrow, rollback,
              refused, scope, remove, many]);
