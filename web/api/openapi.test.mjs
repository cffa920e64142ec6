// The server's description of itself, as others' tools read it.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import SwaggerParser from '@apidevtools/swagger-parser';
import Ajv from 'ajv/dist/2020.js';
import { startServer, untilSeries } from '../e2e/harness.mjs';

describe('openapi.json', { timeout: 60000 }, () => {
  let server, document, whole;
  before(async () => {
    server = await startServer();
    await untilSeries(server, 'up', 2);
    document = await (await fetch(`${server.url}/api/v5/openapi.json`)).json();
    whole = await SwaggerParser.dereference(structuredClone(document), {
      dereference: { circular: true } });
  });
  after(() => server?.stop());

  it('is valid OpenAPI 3.1', async () => {
    const { info, openapi } = await SwaggerParser.validate(structuredClone(document));
    assert.equal(info.title, 'prom5');
    assert.equal(openapi, '3.1.0');
    await assert.rejects(SwaggerParser.validate({ ...structuredClone(document), paths: 5 }));
  });

  it('has no text that YAML took apart', () => {
    const visit = (value, where) => {
      assert.notEqual(value, null, where);
      if (typeof value !== 'object') return;
      for (const [name, member] of Object.entries(value)) visit(member, `${where}/${name}`);
    };
    visit(document, '#');
  });

  it('says of each of our own routes what it takes and answers', () => {
    let described = 0;
    for (const [path, item] of Object.entries(whole.paths)) {
      if (!/^\/(api\/v5\/|ws$|mcp$)/.test(path)) continue;
      for (const [method, operation] of Object.entries(item)) {
        if (method === 'parameters') continue;
        const where = `${method} ${path}`;
        assert.ok(operation.operationId, where);
        const good = Object.keys(operation.responses).filter((code) => /^[12]/.test(code));
        assert.ok(good.length > 0, where);
        if (method === 'post') assert.ok(operation.requestBody, where);
        described += 1;
      }
    }
    assert.ok(described >= 18, described);
  });

  const ask = (path, body) => fetch(server.url + path, body === undefined ? {} : {
    method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } });

  const cases = [
    ['/api/v5/query/natural', '200', { query: 'Show CPU usage' }],
    ['/api/v5/query/natural', '200', { query: 'what is the weather in Paris' }],
    ['/api/v5/query/natural', '200', { query: 'show me the usage' }],
    ['/api/v5/query/natural', 'default', { query: 5 }],
    ['/api/v5/agent/text', '200', { message: 'Show CPU usage', session_id: 'mine' }],
    ['/api/v5/agent/text', '200', { message: 'what is the weather in Paris' }],
    ['/api/v5/agent/session', '200'],
    ['/api/v5/agent/session/{id}', '200', undefined, '/api/v5/agent/session/mine'],
    ['/api/v5/agent/session/{id}', '404', undefined, '/api/v5/agent/session/none'],
    ['/api/v5/agent/feedback', '200'],
    ['/api/v5/agent/feedback', 'default', { session_id: 'mine', verdict: 'sideways' }],
    ['/api/v5/query/explain', '200', undefined, '/api/v5/query/explain?query=rate(up[5m])&run=true'],
    ['/api/v5/query/explain', 'default', undefined, '/api/v5/query/explain?query=sum('],
    ['/api/v5/query/doctor', '200', undefined, '/api/v5/query/doctor?query=nope'],
    ['/api/v5/query/active', '200'],
    ['/api/v5/discovery', '200'],
    ['/api/v1/features', '200'],
    ['/api/v5/events', 'default', undefined, '/api/v5/events?promql=sum('],
    ['/mcp', 'default', { jsonrpc: '2.0', id: 1, method: 'ping' }],
    ['/mcp', '200', { jsonrpc: '2.0', id: 1, method: 'initialize',
                      params: { protocolVersion: '2025-06-18', capabilities: {} } }],
  ];
  for (const [path, code, body, url = path] of cases) {
    it(`is what ${url} answers${body ? ` to ${JSON.stringify(body).slice(0, 60)}` : ''}`, async () => {
      const answer = await ask(url, body);
      const given = await answer.json();
      assert.equal(answer.status >= 400, code >= '400', JSON.stringify(given));
      const { responses } = document.paths[path][body ? 'post' : 'get'];
      const response = responses[code].$ref
        ? document.components.responses[responses[code].$ref.split('/').at(-1)] : responses[code];
      const ajv = new Ajv({ strict: false, validateFormats: false });
      ajv.addSchema({ $id: 'd:/', components: document.components });
      const { schema } = response.content['application/json'];
      const pointed = JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"d:/#/'));
      const valid = ajv.validate(pointed, given);
      assert.ok(valid, `${ajv.errorsText()}\n${JSON.stringify(given)}`);
    });
  }
});
