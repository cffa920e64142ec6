import assert from 'node:assert/strict';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { openPage, startBrowser, startServer, until } from './harness.mjs';

describe('Discovery', () => {
  let browser, server, folder;
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), 'prom5-discovery-'));
    writeFileSync(path.join(folder, 'good.json'),
                  JSON.stringify([{ targets: ['a.invalid:80', 'b.invalid:80'] }]));
    writeFileSync(path.join(folder, 'bad.json'), '[{"targets": [');
    const config = path.join(folder, 'prometheus.yml');
    writeFileSync(config, `
scrape_configs:
- job_name: web
  file_sd_configs: [{files: ['${folder}/*.json']}]
  relabel_configs: [{source_labels: [__address__], regex: 'b.*', action: drop}]
`);
    [browser, server] = await Promise.all([startBrowser(),
                                           startServer([`--config.file=${config}`])]);
  });
  after(async () => { await browser?.close(); await server?.stop(); });

  it('shows what is found, what is dropped, and what a source complains of', async () => {
    const page = await openPage(browser);
    await page.goto(`${server.url}/service-discovery`);
    const job = page.getByTestId('job');
    await until('both targets', 15000, async () => {
      const text = await job.innerText();
      return (/1 of 2 scraped/.test(text) && /bad\.json/.test(text)) || text;
    });
    const text = await job.innerText();
    assert.match(text, /file finds 2 targets/);
    assert.match(text, /__address__="a\.invalid:80"/);
    assert.match(text, /instance="a\.invalid:80"/);
    assert.match(text, /dropped: .*drop/);
    assert.match(await page.locator('.page-head').innerText(), /1 of 1 sources has a problem/);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
});
