// Visits are measured after a yes and never before: the real client in a real
// browser, reporting to a stand-in of CloudWatch RUM and Cognito on loopback.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { gunzipSync } from 'node:zlib';
import { createMock } from './mock-server.mjs';

const MONITOR = '00000000-0000-4000-8000-000000000001';
const POOL = 'eu-west-2:00000000-0000-4000-8000-000000000002';

/** What reports and asks for guest keys, as the two services answer. */
function standIn() {
  const seen = { batches: [], guests: [] };
  const server = createServer((req, res) => {
    const chunks = [];
    req.on('data', (d) => chunks.push(d));
    req.on('end', () => {
      const cors = { 'access-control-allow-origin': '*', 'access-control-allow-headers': 'authorization,content-encoding,content-type,x-amz-content-sha256,x-amz-date,x-amz-security-token,x-amz-target' };
      if (req.method === 'OPTIONS') return void res.writeHead(204, cors).end();
      const raw = Buffer.concat(chunks);
      const body = JSON.parse((req.headers['content-encoding'] === 'gzip' ? gunzipSync(raw) : raw).toString());
      const target = req.headers['x-amz-target'];
      let answer = {};
      if (target) {
        seen.guests.push(target.split('.')[1]);
        answer = target.endsWith('GetId') ? { IdentityId: 'eu-west-2:guest' } : { IdentityId: 'eu-west-2:guest', Credentials: { AccessKeyId: 'ASIAGUEST', SecretKey: 'secret', SessionToken: 'token', Expiration: Date.now() / 1000 + 3600 } };
      } else {
        const url = new URL(req.url, 'http://stand-in');
        assert.equal(url.pathname, `/appmonitors/${MONITOR}`);
        seen.batches.push({ signed: req.headers.authorization ?? url.searchParams.get('X-Amz-Credential') ?? '', text: JSON.stringify(body), body });
      }
      res.writeHead(200, { 'content-type': 'application/json', ...cors }).end(JSON.stringify(answer));
    });
  });
  return new Promise((ready) => server.listen(0, '127.0.0.1', () => ready({ url: `http://127.0.0.1:${server.address().port}`, seen, close: () => new Promise((done) => (server.closeAllConnections(), server.close(done))) })));
}

/** Runs the steps with a browser; `tools` are those of e2e.mjs. */
export async function visits(browser, { step, until, watch, eachLook, heading, shot }) {
  const aws = await standIn();
  const rum = { app_monitor_id: MONITOR, identity_pool_id: POOL, region: 'eu-west-2', sample_rate: 1, endpoint: aws.url };
  /** Pages of an operator who measures, in a browser that was never here. */
  const visit = async (over, init, run) => {
    const mock = await createMock(0, { ...rum, ...over });
    const context = await browser.newContext({ viewport: { width: 1280, height: 860 }, locale: 'en-GB', reducedMotion: 'reduce' });
    await context.route('https://cognito-identity.eu-west-2.amazonaws.com/', async (route) => {
      const r = route.request();
      const answer = await fetch(aws.url, { method: 'POST', headers: { 'x-amz-target': await r.headerValue('x-amz-target') }, body: r.postData() });
      await route.fulfill({ status: answer.status, contentType: 'application/json', headers: { 'access-control-allow-origin': '*' }, body: await answer.text() });
    });
    if (init) await context.addInitScript(init);
    aws.seen.batches.length = aws.seen.guests.length = 0;
    const page = await context.newPage();
    const loaded = [];
    page.on('request', (r) => loaded.push(r.url()));
    watch(page, [mock.url, aws.url, 'https://cognito-identity.eu-west-2.amazonaws.com/']);
    const quiet = async (why) => {
      assert.deepEqual({ batches: aws.seen.batches, guests: aws.seen.guests, cookies: await context.cookies() }, { batches: [], guests: [], cookies: [] }, why);
      assert.equal(loaded.filter((u) => /\/visits-/.test(u)).length, 0, `${why}: the client is not even loaded`);
    };
    const settled = async (path) => {
      await page.goto(mock.url + path, { waitUntil: 'networkidle' });
    };
    try {
      await run({ page, context, settled, quiet, bar: page.locator('.consent') });
    } finally {
      await context.close();
      await mock.close();
    }
  };
  const events = () => aws.seen.batches.flatMap((b) => b.body.RumEvents);
  const kinds = () => new Set(events().map((e) => e.type));

  try {
    await step('visits: nothing before the answer, nothing after a no', () =>
      visit({}, undefined, async ({ page, settled, quiet, bar }) => {
        await settled('/web/index.html');
        await until('the question', () => bar.count());
        await until('the city cards', () => page.locator('.city a').count());
        await eachLook(page, 'consent');
        await quiet('before the answer');
        await bar.getByRole('button', { name: 'No' }).click();
        assert.equal(await bar.count(), 0);
        await settled('/web/about.html');
        assert.equal(await bar.count(), 0, 'asked once');
        await quiet('after a no');
        await until('the answer on the page about it', () => page.getByText('You said no: nothing is measured.').count());
        await eachLook(page, 'about-measured');
      }));

    await step('visits: after a yes the events arrive, without runs and questions; a changed mind ends it', () =>
      visit({}, undefined, async ({ page, context, settled, bar }) => {
        await settled('/web/results.html?job_id=typed&layer=access_change');
        await until('the verdict', () => page.locator('.verdict li').count());
        await bar.getByRole('button', { name: 'Yes, count it' }).click();
        await until('the keys of a guest', () => aws.seen.guests.includes('GetCredentialsForIdentity'));
        await page.evaluate(() => {
          setTimeout(() => {
            throw new Error('broken at /files/jobs/typed/summary.json?x=1');
          });
          void Promise.reject(new Error('refused: https://api.example.org/v1/status/typed'));
        });
        await until('page view and errors, sent on the way', () => kinds().has('com.amazon.rum.page_view_event') && kinds().has('com.amazon.rum.js_error_event'));
        await settled('/web/about.html');
        // Those that every browser measures of every page: the others need a
        // shift or a slow answer to a click.
        await until('web vitals, and the next page', () => {
          const missing = ['first_contentful_paint', 'time_to_first_byte'].filter((v) => !kinds().has(`com.amazon.rum.${v}_event`));
          if (!events().some((e) => e.details.includes('/web/about.html'))) missing.push('about.html');
          if (missing.length) throw new Error(`${missing} not among ${[...kinds()]}`);
          return true;
        }, 60_000);
        for (const b of aws.seen.batches) {
          assert.match(b.signed, /ASIAGUEST\/\d{8}\/eu-west-2\/rum\/aws4_request/);
          assert.doesNotMatch(b.text, /typed|job_id|layer=|access_change/, 'what somebody asked stays here');
        }
        const views = events().filter((e) => e.type === 'com.amazon.rum.page_view_event').map((e) => JSON.parse(e.details).pageId);
        assert.deepEqual(views, ['/web/results.html', '/web/about.html']);
        assert.equal(events().filter((e) => e.type === 'com.amazon.rum.js_error_event').length, 2);
        assert.equal(new Set(aws.seen.batches.map((b) => b.body.UserDetails.sessionId)).size, 1, 'two pages, one session');
        assert.deepEqual((await context.cookies()).map((c) => c.name).sort(), ['cwr_s', 'cwr_u']);
        await page.getByRole('button', { name: 'Do not count my visits' }).click();
        await until('the word that it ended', () => page.getByText('You said no: nothing is measured.').count());
        assert.deepEqual(await context.cookies(), []);
        assert.deepEqual(await page.evaluate(() => Object.keys(localStorage).filter((k) => k.startsWith('cwr'))), []);
        aws.seen.batches.length = 0;
        await settled('/web/jobs.html');
        await heading(page, /Runs/);
        assert.deepEqual(aws.seen.batches, [], 'nothing after a changed mind');
      }));

    await step('visits: Global Privacy Control and Do Not Track are a no', async () => {
      for (const init of [() => Object.defineProperty(Navigator.prototype, 'globalPrivacyControl', { get: () => true }), () => Object.defineProperty(Navigator.prototype, 'doNotTrack', { get: () => '1' })])
        await visit({}, init, async ({ page, settled, quiet, bar }) => {
          await settled('/web/about.html#privacy');
          await until('the word about it', () => page.getByText('Your browser asks sites not to measure it').count());
          assert.equal(await bar.count(), 0);
          // A yes from before the browser was told does not count any more.
          await page.evaluate(() => localStorage.setItem('cityflow.visits.v1', 'yes'));
          await settled('/web/index.html');
          await quiet('asked not to');
        });
    });

    await step('visits: a session outside the sample reports nothing; without a pool reports are unsigned', async () => {
      await visit({ sample_rate: 1e-12 }, undefined, async ({ settled, bar }) => {
        await settled('/web/index.html');
        await bar.getByRole('button', { name: 'Yes, count it' }).click();
        await settled('/web/jobs.html');
        await settled('/web/about.html');
        assert.deepEqual([aws.seen.batches, aws.seen.guests], [[], []]);
      });
      await visit({ identity_pool_id: null }, undefined, async ({ page, settled, bar }) => {
        await settled('/web/index.html');
        await bar.getByRole('button', { name: 'Yes, count it' }).click();
        await until('a report', () => aws.seen.batches.length > 0);
        assert.equal(aws.seen.batches[0].signed, '');
        assert.deepEqual(aws.seen.guests, []);
        await shot(page, 'measured');
      });
    });
  } finally {
    await aws.close();
  }
}
