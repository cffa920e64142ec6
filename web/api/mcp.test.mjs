// The Model Context Protocol's own client speaks to the server, over HTTP and through `prom5 mcp`.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode, McpError, ResultSchema } from '@modelcontextprotocol/sdk/types.js';
import { binary, startServer, untilSeries } from '../e2e/harness.mjs';

const transports = {
  'Streamable HTTP': (server) => new StreamableHTTPClientTransport(new URL('/mcp', server.url)),
  stdio: (server) => new StdioClientTransport({
    command: binary, args: ['mcp', '--url', server.url], stderr: 'pipe' }),
};

const hasCode = (code) => (error) => error instanceof McpError && error.code === code;

for (const [name, open] of Object.entries(transports)) {
  describe(`the official client over ${name}`, { timeout: 60000 }, () => {
    let server, client, transport;
    const problems = [];
    before(async () => {
      server = await startServer();
      await untilSeries(server, 'up', 2);
      transport = open(server);
      client = new Client({ name: 'test', version: '1.0.0' });
      client.onerror = (error) => problems.push(String(error));
      await client.connect(transport);
    });
    after(async () => {
      await client?.close();
      await server?.stop();
    });

    it('agrees on what there is', async () => {
      assert.equal(client.getServerVersion().name, 'prom5');
      const capabilities = client.getServerCapabilities();
      for (const one of ['tools', 'resources', 'prompts', 'logging']) {
        assert.ok(capabilities[one], one);
      }
      assert.ok(client.getInstructions());
      await client.ping();
      await client.setLoggingLevel('warning');
    });

    it('lists tools that only read', async () => {
      const { tools } = await client.listTools();
      assert.ok(tools.some((tool) => tool.name === 'query_metrics'));
      for (const { annotations, inputSchema, description } of tools) {
        assert.equal(annotations.readOnlyHint, true);
        assert.equal(inputSchema.type, 'object');
        assert.ok(description);
      }
    });

    it('queries', async () => {
      const answer = await client.callTool(
        { name: 'query_metrics', arguments: { promql: 'sum(up)' } });
      assert.equal(answer.isError, false);
      assert.equal(answer.structuredContent.result[0].value[1], '2');
      assert.deepEqual(JSON.parse(answer.content[0].text), answer.structuredContent);
    });

    it('is told of wrong arguments in words', async () => {
      for (const args of [{}, { promql: 7 }, { promql: 'sum(' }]) {
        const answer = await client.callTool({ name: 'query_metrics', arguments: args });
        assert.equal(answer.isError, true);
        assert.ok(answer.content[0].text);
      }
    });

    it('gets errors of the protocol', async () => {
      await assert.rejects(client.callTool({ name: 'none', arguments: {} }),
                           hasCode(ErrorCode.InvalidParams));
      await assert.rejects(client.request({ method: 'tools/grab', params: {} }, ResultSchema),
                           hasCode(ErrorCode.MethodNotFound));
      await assert.rejects(client.readResource({ uri: 'prom5://none' }), hasCode(-32002));
      await assert.rejects(client.getPrompt({ name: 'investigate', arguments: {} }),
                           hasCode(ErrorCode.InvalidParams));
    });

    it('reads resources and prompts', async () => {
      const { resources } = await client.listResources();
      assert.ok(resources.length >= 3);
      for (const { uri } of resources) {
        const { contents } = await client.readResource({ uri });
        assert.ok(JSON.parse(contents[0].text));
      }
      assert.deepEqual((await client.listResourceTemplates()).resourceTemplates, []);
      const { prompts } = await client.listPrompts();
      assert.ok(prompts.some((prompt) => prompt.name === 'health_check'));
      const { messages } = await client.getPrompt(
        { name: 'investigate', arguments: { subject: 'the disk' } });
      assert.match(messages[0].content.text, /the disk/);
    });

    it('asks many things at once', async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, (_, n) => client.callTool(
        { name: 'query_metrics', arguments: { promql: `${n} * 2` } })));
      assert.deepEqual(answers.map((answer) => answer.structuredContent.result[1]),
                       Array.from({ length: 12 }, (_, n) => String(n * 2)));
    });

    it('ends its session', async () => {
      if (transport.terminateSession) {
        await transport.terminateSession();
        assert.equal(transport.sessionId, undefined);
      }
      await client.close();
      assert.deepEqual(problems, []);
    });
  });
}
