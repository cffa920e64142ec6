// The server's description of itself, as others' tools read it.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { after, before, describe, it } from 'node:test';
import SwaggerParser from '@apidevtools/swagger-parser';
import Ajv from 'ajv/dist/2020.js';
import { startServer, untilSeries } from '../e2e/harness.mjs';

const resolved = (document, value) => (value.$ref
  ? value.$ref.slice(2).split('/').reduce((at, name) => at[name], document) : value);

/** The schema without references to what allOf puts together, closed: an object whose members are
    listed has no others. */
function closed(document, schema, part = false) {
  if (Array.isArray(schema)) return schema.map((one) => closed(document, one));
  if (typeof schema !== 'object' || schema === null) return schema;
  if (schema.$ref) {
    return part ? closed(document, resolved(document, schema), true)
      : { $ref: schema.$ref.replace('#/', 'd:/#/') };
  }
  const out = {};
  const lists = schema.properties || schema.allOf;
  for (const [name, value] of Object.entries(schema)) {
    if (name === 'allOf') out.allOf = value.map((one) => closed(document, one, true));
    else if (name === 'properties') {
      out.properties = Object.fromEntries(Object.entries(value).map(
        ([member, one]) => [member, closed(document, one)]));
    } else if (!(lists && name === 'additionalProperties')) out[name] = closed(document, value);
  }
  if (lists && !part) out.unevaluatedProperties = false;
  return out;
}

function closedValidator(document, schema) {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  const schemas = Object.fromEntries(Object.entries(document.components.schemas).map(
    ([name, one]) => [name, closed(document, one)]));
  ajv.addSchema({ $id: 'd:/', components: { schemas } });
  return ajv.compile(closed(document, schema));
}

describe('openapi.json', { timeout: 60000 }, () => {
  let server, model, document, whole;
  before(async () => {
    // A model that turns all questions away: answers say who gave them, and why not the other.
    model = createServer((request, answer) => {
      request.resume();
      answer.writeHead(400).end('{}');
    });
    await new Promise((ready) => model.listen(0, '127.0.0.1', ready));
    process.env.AI_MODEL = 'none';
    process.env.OPENAI_API_KEY = 'none';
    process.env.OPENAI_BASE_URL = `http://127.0.0.1:${model.address().port}`;
    server = await startServer(['--web.enable-admin-api']);
    await untilSeries(server, 'rate(node_cpu_seconds_total[1m])');
    document = await (await fetch(`${server.url}/api/v5/openapi.json`)).json();
    whole = await SwaggerParser.dereference(structuredClone(document), {
      dereference: { circular: true } });
  });
  after(async () => {
    await server?.stop();
    model.close();
  });

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

  const ownOperations = () => Object.entries(whole.paths)
    .filter(([path]) => /^\/(api\/v5\/|ws$|mcp$)/.test(path))
    .flatMap(([path, item]) => Object.entries(item)
      .filter(([method]) => method !== 'parameters')
      .map(([method, operation]) => ({ path, method, operation })));

  it('says of each of our own routes what it takes and answers', () => {
    const names = ownOperations().map(({ path, method, operation }) => {
      const where = `${method} ${path}`;
      assert.ok(operation.operationId, where);
      assert.ok(Object.keys(operation.responses).some((code) => /^[12]/.test(code)), where);
      if (method === 'post') assert.ok(operation.requestBody, where);
      return operation.operationId;
    });
    assert.equal(new Set(names).size, names.length, 'an operationId is there twice');
  });

  it('has the methods that the routes themselves allow', async () => {
    const described = new Map();
    for (const { path, method } of ownOperations()) {
      described.set(path, [...described.get(path) ?? [], method.toUpperCase()]);
    }
    for (const path of ['/ws', '/mcp', '/api/v5/openapi.json']) assert.ok(described.has(path));
    for (const [path, methods] of described) {
      const answer = await fetch(server.url + path.replace('{id}', '1'), { method: 'PATCH' });
      assert.equal(answer.status, 405, path);
      const allowed = answer.headers.get('Allow').split(',').map((method) => method.trim());
      assert.deepEqual(allowed.filter((method) => method !== 'OPTIONS').sort(), methods.sort(),
                       path);
    }
  });

  const send = async (method, path, body, headers = {}) => {
    const form = body instanceof URLSearchParams;
    const answer = await fetch(server.url + path, {
      method, body: body === undefined || form ? body : JSON.stringify(body),
      headers: body === undefined || form ? headers
        : { ...headers, 'Content-Type': 'application/json' } });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, text };
  };
  const say = async (session_id) => {
    await send('POST', '/api/v5/agent/text', { message: 'Show CPU usage', session_id });
  };

  const initialize = { jsonrpc: '2.0', id: 1, method: 'initialize',
                       params: { protocolVersion: '2025-06-18', capabilities: {} } };
  const beginMcp = async () => ({
    'Mcp-Session-Id': (await send('POST', '/mcp', initialize)).headers.get('Mcp-Session-Id') });

  // Method and path as described, status; then body, path as it is asked, what must come before
  // (which gives headers), and what the answer must have and not empty.
  const cases = [
    ...Object.entries({
      'Show CPU usage': ['promql', 'model', 'fallback_reason'],
      'cpu usage compared with an hour ago': ['queries'],
      'graph the cpu usage over the last 30 minutes': ['start', 'end', 'step'],
      'Alert on high memory': ['action'],
      'silence critical alerts for 2 hours': ['action'],
      'what is the weather in Paris': ['error'],
      'show me the usage': ['clarification'],
    }).map(([query, has]) => ['POST', '/api/v5/query/natural', 200, { body: { query }, has }]),
    ['POST', '/api/v5/query/natural', 400, { body: { query: 5 } }],
    ...Object.entries({
      'Show CPU usage': ['evidence', 'charts', 'model', 'fallback_reason'],
      'Alert on high memory': ['actions_proposed'],
      'what is the weather in Paris': ['error'],
      'show me the usage': ['clarification', 'suggestions'],
    }).map(([message, has]) => ['POST', '/api/v5/agent/text', 200, { body: { message }, has }]),
    ['GET', '/api/v5/agent/session', 200, { first: () => say('listed') }],
    ['GET', '/api/v5/agent/session/{id}', 200,
     { path: '/api/v5/agent/session/told', first: () => say('told') }],
    ['GET', '/api/v5/agent/session/{id}', 404, { path: '/api/v5/agent/session/none' }],
    ['DELETE', '/api/v5/agent/session/{id}', 204,
     { path: '/api/v5/agent/session/ended', first: () => say('ended') }],
    ['DELETE', '/api/v5/agent/session/{id}', 404, { path: '/api/v5/agent/session/none' }],
    ['POST', '/api/v5/agent/feedback', 200,
     { body: { session_id: 'judged', verdict: 'up' }, first: () => say('judged') }],
    ['POST', '/api/v5/agent/feedback', 400, { body: { session_id: 'x', verdict: 'sideways' } }],
    ['POST', '/api/v5/agent/feedback', 404, { body: { session_id: 'none', verdict: 'up' } }],
    ['GET', '/api/v5/agent/feedback', 200, { has: ['intents', 'corrections'], first: async () => {
      await say('corrected');
      await send('POST', '/api/v5/agent/feedback', {
        session_id: 'corrected', verdict: 'down', correction: 'a', promql: 'up' });
    } }],
    ['POST', '/api/v5/agent/pack', 200,
     { body: { synonym: { word: 'knirps', meaning: 'host' } } }],
    ['POST', '/api/v5/agent/pack', 400, { body: { synonym: 5 } }],
    ['POST', '/api/v5/agent/pack', 404, { body: { from_feedback: 4711 } }],
    ['GET', '/api/v5/query/explain', 200,
     { path: '/api/v5/query/explain?query=rate(up[5m])&run=true' }],
    ['GET', '/api/v5/query/explain', 400, { path: '/api/v5/query/explain?query=sum(' }],
    ['POST', '/api/v5/query/explain', 200, { body: new URLSearchParams({ query: 'sum(up)' }) }],
    ['GET', '/api/v5/query/doctor', 200, { path: '/api/v5/query/doctor?query=nope' }],
    ['POST', '/api/v5/query/doctor', 200,
     { body: new URLSearchParams({ query: 'up{job="pro5"}' }) }],
    ['GET', '/api/v5/query/active', 200, {}],
    ['DELETE', '/api/v5/query/active/{id}', 404, { path: '/api/v5/query/active/4711' }],
    ['GET', '/api/v5/discovery', 200, {}],
    ['GET', '/api/v5/openapi.json', 200, {}],
    ['GET', '/api/v1/features', 200, {}],
    ['GET', '/api/v5/events', 400, { path: '/api/v5/events?promql=sum(' }],
    ['POST', '/mcp', 400, { body: { jsonrpc: '2.0', id: 1, method: 'ping' } }],
    ['POST', '/mcp', 200, { body: initialize }],
    ['DELETE', '/mcp', 204, { first: beginMcp }],
    ['DELETE', '/mcp', 400, {}],
  ];

  for (const [method, path, status, { body, path: asked = path, first, has = [] }] of cases) {
    const text = body instanceof URLSearchParams ? String(body) : JSON.stringify(body);
    const shown = body ? ` of ${text.slice(0, 60)}` : '';
    it(`is what ${method} ${asked}${shown} answers with ${status}`, async () => {
      const headers = await first?.();
      const answer = await send(method, asked, body, headers);
      assert.equal(answer.status, status, answer.text);
      const { responses } = document.paths[path][method.toLowerCase()];
      const response = resolved(document, responses[status] ?? responses.default);
      if (!response.content) return assert.equal(answer.text, '');
      const validate = closedValidator(document, response.content['application/json'].schema);
      const given = JSON.parse(answer.text);
      assert.ok(validate(given), `${JSON.stringify(validate.errors, null, 1)}\n${answer.text}`);
      for (const member of has) {
        assert.ok(member in given && given[member].length !== 0, `${member}: ${answer.text}`);
      }
    });
  }

  it('has a case of each answer in JSON', () => {
    const tried = new Set(cases.map(([method, path]) => `${method} ${path}`));
    const untried = ownOperations()
      .filter(({ operation: { responses } }) =>
        Object.entries(responses).some(([code, response]) =>
          code === '204' || (/^2/.test(code) && response.content?.['application/json'])))
      .map(({ method, path }) => `${method.toUpperCase()} ${path}`)
      .filter((operation) => !tried.has(operation));
    assert.deepEqual(untried, []);
  });
});
