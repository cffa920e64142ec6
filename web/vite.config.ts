import { defineConfig } from 'vitest/config';

export default defineConfig({
  esbuild: { jsx: 'automatic', jsxImportSource: 'preact' },
  build: { target: 'es2022', chunkSizeWarningLimit: 700 },
  test: { include: ['src/**/*.test.ts'] },
  server: { proxy: { '/api': process.env.PROM5_URL ?? 'http://127.0.0.1:9090' } },
});
