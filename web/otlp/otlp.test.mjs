// The OpenTelemetry SDK for JavaScript as it is, with its exporters for protobuf and for JSON,
// sends metrics to a prom5 of this test's own; the query API says what became of them.

import assert from 'node:assert/strict';
import { after, before, beforeEach, afterEach, describe, it } from 'node:test';
import { diag, DiagLogLevel } from '@opentelemetry/api';
import { AggregationTemporalityPreference, OTLPMetricExporter as JsonExporter }
  from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter }
  from '@opentelemetry/exporter-metrics-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AggregationType, MeterProvider, PeriodicExportingMetricReader }
  from '@opentelemetry/sdk-metrics';
import { startServer, until } from '../e2e/harness.mjs';

const receiver = '--web.enable-otlp-receiver';
const exporters = [
  { form: 'protobuf', Exporter: ProtobufExporter },
  { form: 'JSON', Exporter: JsonExporter },
];
const paths = ['/api/v1/otlp/v1/metrics', '/v1/metrics'];
const exponential = {
  instrumentName: 'wait',
  aggregation: { type: AggregationType.EXPONENTIAL_HISTOGRAM, options: { maxSize: 160 } },
};

// What the SDK complains about: a refused export, a partial success.
let complaints = [];
const complain = (...words) => complaints.push(words.map(String).join(' '));
diag.setLogger({ error: complain, warn: complain, info() {}, debug() {}, verbose() {} },
               DiagLogLevel.WARN);

/** A program with the SDK: its meter, and `flush`, which exports all there is now. */
function startProgram(server, job, Exporter, options = {}, path = paths[0]) {
  const [namespace, name] = job.split('/');
  const exporter = new Exporter({ url: server.url + path, ...options });
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const provider = new MeterProvider({
    readers: [reader],
    views: [exponential],
    resource: resourceFromAttributes({
      'service.namespace': namespace, 'service.name': name, 'service.instance.id': 'i-1',
      'host.name': 'oven', 'process.pid': 7,
    }),
  });
  return {
    exporter,
    reader,
    meter: provider.getMeter('bakery', '1.2.3'),
    flush: () => provider.forceFlush(),
    stop: () => provider.shutdown(),
  };
}

async function api(server, path, params) {
  const answer = await fetch(`${server.url}/api/v1/${path}?${new URLSearchParams(params)}`);
  const { status, data, error } = await answer.json();
  assert.equal(status, 'success', error);
  return data;
}

/** Series, without the labels job and instance -> value, of an instant query. */
async function values(server, query) {
  const { result } = await api(server, 'query', { query });
  return Object.fromEntries(result.map(({ metric, value, histogram }) => {
    const { __name__: name = '', job, instance, ...labels } = metric;
    const pairs = Object.entries(labels).sort().map(([label, text]) => `${label}="${text}"`);
    return [name + (pairs.length ? `{${pairs.join(',')}}` : ''), (value ?? histogram)[1]];
  }));
}

/** Until the query has this one value; the SDK's clock may be some milliseconds ahead. */
function untilValue(server, query, expected) {
  return until(`${query} is ${expected}`, 10000, async () => {
    const found = Object.values(await values(server, query));
    return (found.length === 1 && Number(found[0]) === expected) || found;
  });
}

describe('OpenTelemetry SDK', { timeout: 120000 }, () => {
  let server, programs;
  before(async () => { server = await startServer([receiver]); });
  after(() => server?.stop());
  beforeEach(() => { complaints = []; programs = []; });
  afterEach(() => Promise.all(programs.map((program) => program.stop())));

  const start = (...args) => {
    const program = startProgram(server, ...args);
    programs.push(program);
    return program;
  };

  for (const { form, Exporter } of exporters) {
    for (const [number, path] of paths.entries()) {
      it(`sends every instrument as ${form} to ${path}`, async () => {
        const job = `every/${form}-${number}`;
        const program = start(job, Exporter, {}, path);
        const { meter } = program;
        const requests = meter.createCounter('http.requests', { unit: '{request}' });
        const duration = meter.createHistogram('http.duration', {
          unit: 's', advice: { explicitBucketBoundaries: [0.1, 1, 10] } });
        const items = meter.createUpDownCounter('cart.items', { unit: '{item}' });
        meter.createGauge('oven.temperature', { unit: 'Cel' }).record(181.5);
        meter.createObservableGauge('cpu.utilization', { unit: '1' })
          .addCallback((result) => result.observe(0.25, { cpu: 0 }));
        meter.createObservableCounter('disk.read', { unit: 'By' })
          .addCallback((result) => result.observe(2 ** 53));
        meter.createObservableUpDownCounter('threads')
          .addCallback((result) => result.observe(12));
        requests.add(2, { route: '/a', 'status.code': 200 });
        requests.add(3, { route: '/a', 'status.code': 200 });
        requests.add(1, { route: '/b', list: ['x', 'y'], cached: true });
        items.add(5);
        items.add(-7);
        for (const seconds of [0.05, 0.5, 0.5, 20]) {
          duration.record(seconds, { 'http.method': 'GET' });
        }
        await program.flush();
        assert.deepEqual(complaints, []);
        await untilValue(server, `cart_items{job="${job}"}`, -2);
        assert.deepEqual(await values(server, `{job="${job}"}`), {
          'http_requests_total{route="/a",status_code="200"}': '5',
          'http_requests_total{cached="true",list="["x","y"]",route="/b"}': '1',
          'http_duration_seconds_bucket{http_method="GET",le="0.1"}': '1',
          'http_duration_seconds_bucket{http_method="GET",le="1"}': '3',
          'http_duration_seconds_bucket{http_method="GET",le="10"}': '3',
          'http_duration_seconds_bucket{http_method="GET",le="+Inf"}': '4',
          'http_duration_seconds_sum{http_method="GET"}': '21.05',
          'http_duration_seconds_count{http_method="GET"}': '4',
          cart_items: '-2',
          oven_temperature_celsius: '181.5',
          'cpu_utilization_ratio{cpu="0"}': '0.25',
          disk_read_bytes_total: '9007199254740992',
          threads: '12',
          'target_info{host_name="oven",process_pid="7"}': '1',
        });
        const { result } = await api(server, 'query', { query: `threads{job="${job}"}` });
        assert.deepEqual(result[0].metric, { __name__: 'threads', instance: 'i-1', job });
      });
    }

    it(`adds up what is sent as ${form} again and again`, async () => {
      const job = `again/${form}`;
      const program = start(job, Exporter);
      const counter = program.meter.createCounter('loaves');
      const histogram = program.meter.createHistogram('weight', { unit: 'g' });
      for (let round = 1; round <= 3; round += 1) {
        counter.add(10);
        histogram.record(round);
        await program.flush();
        await untilValue(server, `loaves_total{job="${job}"}`, 10 * round);
        await untilValue(server, `weight_grams_sum{job="${job}"}`, round * (round + 1) / 2);
      }
      await untilValue(server, `resets(loaves_total{job="${job}"}[5m])`, 0);
      await untilValue(server, `count_over_time(weight_grams_count{job="${job}"}[5m])`, 3);
      counter.add(1);
      await program.stop();
      programs = [];
      await untilValue(server, `loaves_total{job="${job}"}`, 31);
      assert.deepEqual(complaints, []);
    });

    it(`sends exponential histograms as ${form}`, async () => {
      const job = `exponential/${form}`;
      const program = start(job, Exporter);
      const wait = program.meter.createHistogram('wait', { unit: 'ms' });
      // Zero twice, then 1 to 1000: 160 buckets hold these at scale 3.
      for (const zero of [0, 0]) wait.record(zero);
      for (let ms = 1; ms <= 1000; ms += 1) wait.record(ms);
      await program.flush();
      assert.deepEqual(complaints, []);
      const series = `wait_milliseconds{job="${job}"}`;
      await untilValue(server, `histogram_count(${series})`, 1002);
      await untilValue(server, `histogram_sum(${series})`, 500500);
      const { wait_milliseconds: histogram } = await values(server, series);
      const buckets = histogram.buckets.map(([, ...numbers]) => numbers.map(Number));
      assert.deepEqual(buckets[0], [-1e-128, 1e-128, 2]);
      for (const [low, high, count] of buckets.slice(1)) {
        // Powers of two are exact bounds at any scale; others may be off in the last digit.
        const held = Math.floor(high + 1e-9) - Math.floor(low + 1e-9);
        assert.equal(count, Math.min(held, 1000 - Math.floor(low + 1e-9)), `(${low}, ${high}]`);
      }
      assert.ok(Math.abs(Math.log2(buckets[1][1] / buckets[1][0]) - 1 / 8) < 1e-9);
      const [half] = Object.values(await values(server, `histogram_quantile(0.5, ${series})`));
      assert.ok(Math.abs(Number(half) - 500) < 500 / 8, half);
      const [part] = Object.values(await values(server, `histogram_fraction(1, 512, ${series})`));
      assert.ok(Math.abs(Number(part) - 511 / 1002) < 1e-9, part);
    });

    it(`sends ${form} packed with gzip`, async () => {
      const job = `gzip/${form}`;
      const program = start(job, Exporter, { compression: 'gzip' });
      program.meter.createCounter('packed').add(3);
      await program.flush();
      assert.deepEqual(complaints, []);
      await untilValue(server, `packed_total{job="${job}"}`, 3);
    });

    it(`describes its metrics in ${form}`, async () => {
      const program = start(`metadata/${form}`, Exporter);
      const description = `What ${form} says.`;
      const name = form.toLowerCase();
      program.meter.createCounter(`${name}.io`, { unit: 'By', description }).add(1);
      program.meter.createHistogram(`${name}.time`, { unit: 's', description }).record(1);
      await program.flush();
      for (const [metric, type, unit] of [[`${name}_io_bytes_total`, 'counter', 'bytes'],
                                          [`${name}_time_seconds`, 'histogram', 'seconds']]) {
        assert.deepEqual(await api(server, 'metadata', { metric }),
                         { [metric]: [{ type, unit, help: description }] });
      }
    });

    it(`is told of the feature that ${form} with deltas needs; the rest is kept`, async () => {
      const job = `refused/${form}`;
      const program = start(job, Exporter,
                            { temporalityPreference: AggregationTemporalityPreference.DELTA });
      program.meter.createCounter('deltas').add(1);
      program.meter.createUpDownCounter('level').add(4);  // Cumulative with this preference too.
      program.meter.createGauge('heat').record(5);
      const { resourceMetrics } = await program.reader.collect();
      const { code, error } = await new Promise((done) => {
        program.exporter.export(resourceMetrics, done);
      });
      // Either the export failed (400), or it succeeded in part and the SDK says so (200).
      const said = code === 0 ? complaints.join('\n') : String(error.data ?? error);
      assert.match(said, /otlp-deltatocumulative/);
      await untilValue(server, `level{job="${job}"}`, 4);
      assert.deepEqual(await values(server, `{job="${job}"}`), {
        level: '4', heat: '5', 'target_info{host_name="oven",process_pid="7"}': '1' });
    });
  }

  it('is refused by a server without the flag', async () => {
    const closed = await startServer();
    try {
      const program = startProgram(closed, 'closed/x', ProtobufExporter);
      program.meter.createCounter('c').add(1);
      const { resourceMetrics } = await program.reader.collect();
      const { code, error } = await new Promise((done) => {
        program.exporter.export(resourceMetrics, done);
      });
      assert.notEqual(code, 0);
      assert.equal(error.code, 404);
      assert.match(String(error.data ?? error), /--web\.enable-otlp-receiver/);
      await program.stop();
    } finally {
      await closed.stop();
    }
  });
});

describe('OpenTelemetry SDK with delta temporality', { timeout: 60000 }, () => {
  let server;
  before(async () => {
    server = await startServer([receiver, '--enable-feature=otlp-deltatocumulative']);
  });
  after(() => server?.stop());
  beforeEach(() => { complaints = []; });

  for (const { form, Exporter } of exporters) {
    it(`has its deltas added up, sent as ${form}`, async () => {
      const job = `delta/${form}`;
      const program = startProgram(server, job, Exporter, {
        temporalityPreference: AggregationTemporalityPreference.DELTA });
      try {
        const counter = program.meter.createCounter('loaves');
        const histogram = program.meter.createHistogram('weight', {
          unit: 'g', advice: { explicitBucketBoundaries: [10] } });
        const wait = program.meter.createHistogram('wait', { unit: 'ms' });
        for (let round = 1; round <= 3; round += 1) {
          counter.add(5, { kind: 'rye' });
          if (round === 2) counter.add(1, { kind: 'spelt' });
          histogram.record(4);
          histogram.record(40);
          for (const ms of [1, 1000]) wait.record(ms);
          await program.flush();
          await untilValue(server, `loaves_total{job="${job}",kind="rye"}`, 5 * round);
          await untilValue(server, `weight_grams_bucket{job="${job}",le="10"}`, round);
          await untilValue(server, `weight_grams_sum{job="${job}"}`, 44 * round);
          await untilValue(server, `histogram_count(wait_milliseconds{job="${job}"})`, 2 * round);
          await untilValue(server, `histogram_sum(wait_milliseconds{job="${job}"})`, 1001 * round);
        }
        await untilValue(server, `loaves_total{job="${job}",kind="spelt"}`, 1);
        await untilValue(server, `resets(wait_milliseconds{job="${job}"}[5m])`, 0);
        assert.deepEqual(complaints, []);
      } finally {
        await program.stop();
      }
    });
  }
});
