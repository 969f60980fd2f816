"""Damaged logs: what can be read is read, what is lost is named."""

from __future__ import annotations

import json
import struct
import zipfile
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from literal_logs import HEADER, Writer, model_event, sample

import thinkmeter
from thinkmeter.errors import InputError
from thinkmeter.readers._api import HEAD_BYTES, ReadOptions
from thinkmeter.readers.inspect import READER
from thinkmeter.readers.inspect._json import scan_log
from thinkmeter.readers.inspect._zip import Archive, MemberError

SAMPLES = [sample(i) for i in range(5)]


def losses(table: thinkmeter.SampleTable) -> list[tuple[str, str]]:
    return [(p.severity, p.record) for p in table.problems if p.severity in ("dropped", "field")]


def test_a_log_cut_short_gives_the_samples_before_the_cut(logs: Writer) -> None:
    path = logs.eval_log(*SAMPLES)
    whole = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        last = archive.getinfo("samples/4_epoch_1.json").header_offset
    path.write_bytes(whole[: last + 100])
    table = thinkmeter.read(path)
    assert table.frame["item_id"].to_list() == ["0", "1", "2", "3"]
    assert losses(table) == [("dropped", ""), ("dropped", "samples/4_epoch_1.json")]
    assert "cut short" in table.problems[0].message
    assert "the file ends after" in table.problems[1].message
    with pytest.raises(InputError, match="cut short"):
        thinkmeter.read(path, strict=True)


@settings(max_examples=60, deadline=None)
@given(st.floats(0, 1))
def test_no_cut_loses_a_sample_that_is_whole(tmp_path_factory: pytest.TempPathFactory, where: float) -> None:
    writer = Writer(tmp_path_factory.mktemp("cut"))
    path = writer.eval_log(*SAMPLES)
    with zipfile.ZipFile(path) as archive:
        infos = archive.infolist()
    offsets = [info.header_offset for info in infos] + [len(path.read_bytes())]
    cut = int(where * len(path.read_bytes()))
    path.write_bytes(path.read_bytes()[:cut])
    names = [info.filename for info, end in zip(infos, offsets[1:], strict=True) if end <= cut]
    if "_journal/start.json" not in names:
        with pytest.raises(InputError):
            READER.read(path, ReadOptions())
        return
    frame = READER.read(path, ReadOptions()).frame
    assert frame["source_record"].to_list() == [name for name in names if name.startswith("samples/")]


def test_a_corrupted_member_costs_only_itself(logs: Writer) -> None:
    path = logs.eval_log(*SAMPLES)
    with zipfile.ZipFile(path) as archive:
        offset = archive.getinfo("samples/2_epoch_1.json").header_offset
    data = bytearray(path.read_bytes())
    data[offset + 120] ^= 0xFF
    path.write_bytes(data)
    table = thinkmeter.read(path)
    assert table.frame["item_id"].to_list() == ["0", "1", "3", "4"]
    assert losses(table) == [("dropped", "samples/2_epoch_1.json")]
    with pytest.raises(InputError, match=r"samples/2_epoch_1\.json"):
        thinkmeter.read(path, strict=True)


def test_wrong_json_and_wrong_shape_cost_only_their_sample(logs: Writer) -> None:
    path = logs.eval_log(SAMPLES[0])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("samples/8_epoch_1.json", '{"id": 8, "epoch": ')
        archive.writestr("samples/9_epoch_1.json", '{"id": [9], "epoch": 1}')
    table = thinkmeter.read(path)
    assert len(table) == 1
    assert losses(table) == [("dropped", "samples/8_epoch_1.json"), ("dropped", "samples/9_epoch_1.json")]
    assert "$.id" in table.problems[1].message


@pytest.mark.parametrize(
    "event",
    [{"event": 5}, {"event": "model", "model": "p/m", "output": {"usage": "much"}}],
    ids=["early", "late"],
)
def test_an_event_that_defies_the_format_costs_only_the_events(
    logs: Writer, event: dict[str, object]
) -> None:
    table = logs.read(sample(events=[event]))
    assert table.frame["output_tokens"].to_list() == [20], "of the sample's own output"
    assert losses(table) == [("field", "samples/1_epoch_1.json")]


def test_damaged_chunks_cost_what_they_hold(logs: Writer) -> None:
    path = logs.eval_log()
    shell = {key: value for key, value in sample().items() if key != "events"}
    with zipfile.ZipFile(path, "a") as archive:
        for number, broken in enumerate(("none", "events/0", "metadata", "attachments/0")):
            folder = f"samples/{number}_epoch_1"
            archive.writestr(f"{folder}/sample.json", json.dumps(shell | {"id": number}))
            for part, content in (
                ("events/0", [model_event()]),
                ("metadata", {"N": 1}),
                ("attachments/0", ["long"]),
            ):
                archive.writestr(f"{folder}/{part}.json", "{" if part == broken else json.dumps(content))
    table = thinkmeter.read(path)
    assert table.frame.select("item_id", "output_tokens", "facet.N").rows() == [("0", 20, 1), ("1", 20, 1)]
    assert losses(table) == [
        ("field", "samples/1_epoch_1/sample.json"),
        *(("dropped", f"samples/{number}_epoch_1/sample.json") for number in (2, 3)),
    ]


def test_an_unfinished_log_gives_its_samples_with_a_note(logs: Writer) -> None:
    path = logs.folder / "running.eval"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("_journal/start.json", json.dumps(HEADER))
        archive.writestr("samples/1_epoch_1.json", json.dumps(SAMPLES[1]))
        archive.writestr("_journal/summaries/1.json", "[]")
    table = thinkmeter.read(path)
    assert table.frame["correct"].to_list() == [True]
    assert [(p.severity, "unfinished" in p.message) for p in table.problems] == [("note", True)]


def test_a_json_log_cut_short_gives_the_samples_before_the_cut(logs: Writer) -> None:
    path = logs.json_log(*SAMPLES)
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rindex('"id"') + 40], encoding="utf-8")
    table = thinkmeter.read(path)
    assert len(table) == 4
    assert losses(table) == [("dropped", "samples[4]")]


def test_a_damaged_sample_in_a_json_log_costs_only_itself(logs: Writer) -> None:
    path = logs.json_log(*SAMPLES)
    text = path.read_text(encoding="utf-8")
    broken = text.replace('"id": 2,', '"id": 2, "epoch": 1, oops', 1)
    path.write_text(broken, encoding="utf-8")
    table = thinkmeter.read(path)
    assert table.frame["item_id"].to_list() == ["0", "1", "3", "4"]
    assert losses(table) == [("dropped", "samples[2]")]


def test_nan_and_lone_surrogates_are_read_in_both_containers(logs: Writer) -> None:
    odd = [sample(1, scores={"match": {"value": float("nan")}}), sample(2, input="a\ud800b")]
    for path in (logs.eval_log(*odd), logs.json_log(*odd)):
        assert "NaN" in json.dumps(odd)
        table = thinkmeter.read(path)
        assert table.frame["score"].to_list() == [None, 1.0]
        assert table.frame["prompt"].to_list() == ["2 + 2?", "a?b"]
        assert losses(table) == []


@given(st.lists(st.recursive(st.integers() | st.text() | st.booleans(), st.lists, max_leaves=5), max_size=4))
def test_the_forgiving_scan_finds_what_a_parser_finds(values: list[object]) -> None:
    samples = [{"id": i, "epoch": 1, "x": value} for i, value in enumerate(values)]
    data = json.dumps({"version": 2, "eval": {}, "samples": samples, "reductions": []}).encode()
    header, found = scan_log(data)
    assert json.loads(header) == {"version": 2, "eval": {}, "samples": []}
    assert [json.loads(item) for _, item in found if isinstance(item, bytes)] == samples


def _zstd_archive(path: Path, name: str, frames: list[bytes], size: int) -> None:
    """An archive with one ZSTD member; the directory declares `size`."""
    packed = b"".join(frames)
    plain = b"".join(zstandard.ZstdDecompressor().decompressobj().decompress(frame) for frame in frames)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(name, packed)
    data = bytearray(path.read_bytes())
    central = data.index(b"PK\x01\x02")
    for offset in (8, central + 10):
        struct.pack_into("<H", data, offset, 93)
    for offset in (14, central + 16):
        struct.pack_into("<L", data, offset, zipfile.crc32(plain))
    for offset in (22, central + 24):
        struct.pack_into("<L", data, offset, size)
    path.write_bytes(data)


@pytest.mark.parametrize("declared", [True, False], ids=["size in frame", "no size in frame"])
@pytest.mark.parametrize("count", [1, 3])
def test_zstd_members_of_one_and_several_frames(tmp_path: Path, declared: bool, count: int) -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=declared)
    texts = [b"abc" * 1000 * (i + 1) for i in range(count)]
    path = tmp_path / "x.eval"
    _zstd_archive(path, "m", [compressor.compress(text) for text in texts], len(b"".join(texts)))
    with Archive(path) as archive:
        assert archive.read("m") == b"".join(texts)


@pytest.mark.parametrize("declared", [True, False], ids=["size in frame", "no size in frame"])
def test_a_member_that_unpacks_to_more_than_it_declares_is_refused(tmp_path: Path, declared: bool) -> None:
    frame = zstandard.ZstdCompressor(write_content_size=declared).compress(b"0" * 50_000_000)
    path = tmp_path / "bomb.eval"
    _zstd_archive(path, "m", [frame], 1000)
    with (
        Archive(path) as archive,
        pytest.raises(MemberError, match=r"more than 1,000 bytes|cannot be unpacked"),
    ):
        archive.read("m")


def test_a_member_larger_than_the_limit_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "large.eval"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("m", b"0" * 1_000_000)
    with (
        Archive(path) as archive,
        pytest.raises(MemberError, match="unpacks to 1,000,000 bytes, the limit is 1,000"),
    ):
        archive.read("m", limit=1000)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"version https://git-lfs.github.com/spec/v1", "expected an Inspect log with header.json"),
        (b'{"version": 2, "status": "success", "eval": {"ta', "damaged JSON"),
        (b'{"version": 2, "status": "started", "eval": {"task": "t", "model": "m"}}', "holds no samples"),
    ],
)
def test_files_without_a_sample_say_why(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "x.eval"
    path.write_bytes(content)
    with pytest.raises(InputError, match=message):
        READER.read(path, ReadOptions(strict=True))


def test_sniffing(logs: Writer) -> None:
    archive, text = logs.eval_log(SAMPLES[0]), logs.json_log(SAMPLES[0])
    for path in (archive, text):
        found = READER.sniff(
            path.rename(path.with_suffix(".other")), path.with_suffix(".other").read_bytes()[:HEAD_BYTES]
        )
        assert found is not None
        assert found.confidence >= 90
    assert READER.sniff(Path("x.eval"), b"PK\x03\x04" + b"0" * 40) is not None
    assert READER.sniff(Path("x.zip"), b"PK\x03\x04" + b"0" * 40) is None
    assert READER.sniff(Path("x.json"), b'{"results": {}, "version": 2}') is None
    companion = READER.sniff(Path("eval-set.json"), b'{"eval_set_id": "x"}')
    assert companion is not None
    assert companion.companion
