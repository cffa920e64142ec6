#!/usr/bin/env python3
"""Embeds files into the program.

    embed.py web DIST OUT.S OUT.cc      every file below DIST, compressed, as api::ui_assets()
    embed.py text NAMESPACE NAME FILE OUT.S OUT.cc
                                   one file, as std::string_view NAMESPACE::NAME()

The bytes go through the assembler's .incbin, which costs nothing to compile, unlike arrays in C++.
"""
import gzip
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml", ".png": "image/png",
    ".json": "application/json", ".woff2": "font/woff2", ".ico": "image/x-icon",
    ".txt": "text/plain; charset=utf-8", ".webmanifest": "application/manifest+json",
}


def assembly(blobs):
    lines = ['.section .note.GNU-stack,"",@progbits', ".section .rodata"]
    for symbol, path in blobs:
        lines += [f".global {symbol}", f".global {symbol}_end", ".balign 16", f"{symbol}:",
                  f'.incbin "{path}"', f"{symbol}_end:"]
    return "\n".join(lines) + "\n"


def declare(symbol):
    return f"extern const char {symbol}[];\nextern const char {symbol}_end[];\n"


def view(symbol):
    return f"std::string_view({symbol}, static_cast<size_t>({symbol}_end - {symbol}))"


def embed_web(dist, out_s, out_cc):
    dist, out_s = pathlib.Path(dist), pathlib.Path(out_s)
    folder = out_s.parent / "web_gz"
    folder.mkdir(parents=True, exist_ok=True)
    blobs, rows = [], []
    for number, file in enumerate(sorted(p for p in dist.rglob("*") if p.is_file())):
        packed = folder / f"{number}.gz"
        packed.write_bytes(gzip.compress(file.read_bytes(), 9, mtime=0))
        symbol = f"prom5_web_{number}"
        blobs.append((symbol, packed))
        kind = TYPES.get(file.suffix, "application/octet-stream")
        rows.append(f'      {{"/{file.relative_to(dist).as_posix()}", "{kind}", {view(symbol)}}},')
    if not rows:
        sys.exit(f"embed.py: nothing below {dist}")
    out_s.write_text(assembly(blobs))
    pathlib.Path(out_cc).write_text(
        '#include "app/api/ui_assets.h"\n\n#include <array>\n\nextern "C" {\n'
        + "".join(declare(symbol) for symbol, _ in blobs)
        + "}\n\nnamespace prom5::api {\n\nstd::span<const UiAsset> ui_assets() {\n"
        + "  static const std::array kAssets = std::to_array<UiAsset>({\n"
        + "\n".join(rows) + "\n  });\n  return kAssets;\n}\n\n}  // namespace prom5::api\n")


def embed_text(namespace, name, file, out_s, out_cc):
    symbol = f"prom5_text_{name}"
    pathlib.Path(out_s).write_text(assembly([(symbol, pathlib.Path(file).resolve())]))
    pathlib.Path(out_cc).write_text(
        '#include <string_view>\n\nextern "C" {\n' + declare(symbol) + "}\n\n"
        + f"namespace {namespace} {{\n\nstd::string_view {name}();\nstd::string_view {name}() "
        + f"{{\n  return {view(symbol)};\n}}\n\n}}  // namespace {namespace}\n")


if __name__ == "__main__":
    if len(sys.argv) == 5 and sys.argv[1] == "web":
        embed_web(*sys.argv[2:])
    elif len(sys.argv) == 7 and sys.argv[1] == "text":
        embed_text(*sys.argv[2:])
    else:
        sys.exit(__doc__)
