// Questions to begin with: those that the metrics of this server can answer.

export interface Example {
  text: string;
  about: string;
  needs: string[];  // metrics; nothing: always
}

/** The most telling ones first; of each subject not more than two are shown. */
export const examples: Example[] = [
  { about: 'Health', text: 'Is anything down?', needs: ['up'] },
  { about: 'Health', text: 'Which alerts fire?', needs: ['ALERTS'] },
  { about: 'Look closer', text: 'What is unusual right now?', needs: [] },
  { about: 'Services', text: 'What share of requests fails?', needs: ['http_requests_total'] },
  { about: 'Services', text: 'p95 latency by service',
    needs: ['http_request_duration_seconds_bucket'] },
  { about: 'Hosts', text: 'Show CPU usage', needs: ['node_cpu_seconds_total'] },
  { about: 'Disks', text: 'When will a disk be full?', needs: ['node_filesystem_avail_bytes'] },
  { about: 'Alerts', text: 'Alert me when CPU usage is above 90 % for 5 minutes',
    needs: ['node_cpu_seconds_total'] },
  { about: 'Hosts', text: 'How much memory is free?', needs: ['node_memory_MemAvailable_bytes'] },
  { about: 'Containers', text: 'Top 5 pods by memory',
    needs: ['container_memory_working_set_bytes'] },
  { about: 'Queues', text: 'Show the Kafka consumer lag', needs: ['kafka_consumergroup_lag'] },
  { about: 'Disks', text: 'Which filesystem is fullest?', needs: ['node_filesystem_avail_bytes'] },
  { about: 'Network', text: 'Top 3 network interfaces by received bytes',
    needs: ['node_network_receive_bytes_total'] },
  { about: 'Hosts', text: 'How long has the host been up?', needs: ['node_boot_time_seconds'] },
  { about: 'This server', text: 'How many series are there?', needs: ['prometheus_tsdb_head_series'] },
  { about: 'Look closer', text: 'Which metrics are there?', needs: [] },
];

export const shownExamples = 8;

/** Up to eight examples that `names` can answer. */
export function examplesFor(names: string[]): Example[] {
  const there = new Set(names);
  const able = examples.filter(({ needs }) => needs.every((name) => there.has(name)));
  const chosen: Example[] = [];
  for (const example of able) {
    const same = chosen.filter(({ about }) => about === example.about).length;
    if (same < 2 && chosen.length < shownExamples) chosen.push(example);
  }
  return chosen;
}
