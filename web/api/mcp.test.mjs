// The Model Context Protocol's own client speaks to the server, over HTTP and through `prom5 mcp`,
// and takes what it is told. What stands on the wire is tested by tests/e2e/test_mcp.py.

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ErrorCode, McpError } from '@modelcontextprotocol/sdk/types.js';
import { binary, startServer, untilSeries } from '../e2e/harness.mjs';

const transports = {
  'Streamable HTTP': (server) => new StreamableHTTPClientTransport(new URL('/mcp', server.url)),
  stdio: (server) => new StdioClientTransport({
    command: binary, args: ['mcp', '--url', server.url], stderr: 'pipe' }),
};

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

    it('understands every list and what is in them', async () => {
      const { tools } = await client.listTools();
      assert.ok(tools.some((tool) => tool.name === 'query_metrics'));
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

    it('makes exceptions of errors of the protocol', async () => {
      const code = ErrorCode.InvalidParams;
      await assert.rejects(client.getPrompt({ name: 'investigate', arguments: {} }),
                           (error) => error instanceof McpError && error.code === code);
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
