//! Makes text, or the bytes of a Parquet file, of an upload: unpacks it and decodes its characters.

use std::io::{Cursor, Read};

use bytes::Bytes;
use encoding_rs::{Encoding, UTF_16BE, UTF_16LE, WINDOWS_1252};
use memchr::{memchr, memchr_iter};

use crate::{
    limits::Limits,
    raw::File,
    refusal::{Problem, Refusal},
};

/// The content of an upload.
#[derive(Debug)]
pub(crate) enum Content {
    Parquet,
    Text {
        /// The name of the encoding that it had.
        encoding: &'static str,
    },
}

/// An upload whose bytes are text in UTF-8, without a byte order mark and with lines that end in LF, or Parquet.
#[derive(Debug)]
pub(crate) struct Decoded {
    pub(crate) file: File,
    pub(crate) content: Content,
    /// How it was compressed; empty when it was not.
    pub(crate) compression: &'static str,
    pub(crate) notices: Vec<String>,
}

const PARQUET: &[u8] = b"PAR1";
const TEXT_NAMES: [&str; 3] = ["csv", "tsv", "txt"];
const PARQUET_NAMES: [&str; 3] = ["parquet", "pq", "parq"];

/// The first bytes of formats that people upload by mistake.
const OTHERS: [(&[u8], &str); 6] = [
    (b"%PDF", "a PDF document"),
    (b"<!DOCTYPE", "a web page"),
    (b"<html", "a web page"),
    (b"<?xml", "XML"),
    (b"{", "JSON"),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook"),
];

/// Unpacks and decodes an upload.
///
/// # Errors
/// When it holds another format than its name says, unpacks to more than is read, or is no text.
pub(crate) fn decode(file: File, limits: &Limits) -> Result<Decoded, Refusal> {
    let (file, compression) = unpack(file, limits)?;
    let name = file.name.clone();
    let extension = name
        .rsplit_once('.')
        .map(|(_, extension)| extension.to_ascii_lowercase());
    let is = |names: &[&str]| extension.as_deref().is_some_and(|extension| names.contains(&extension));
    if file.bytes.is_empty() {
        let empty = Problem::new(format!("{name} is empty: it needs a header and data rows"));
        return Err(empty.value("0 data rows").bound("at least 1 data row").into());
    }
    let parquet = file.bytes.starts_with(PARQUET);
    if parquet && is(&TEXT_NAMES) {
        return Err(mislabelled(&name, "Parquet; rename it to .parquet"));
    }
    if !parquet && is(&PARQUET_NAMES) {
        return Err(mislabelled(&name, "no Parquet: it does not begin with PAR1"));
    }
    if parquet {
        return Ok(Decoded {
            file,
            content: Content::Parquet,
            compression,
            notices: Vec::new(),
        });
    }
    if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| file.bytes.starts_with(magic)) {
        return Err(mislabelled(&name, &format!("{what}; save the table as CSV")));
    }
    let (bytes, encoding, notices) = text(&name, &file.bytes)?;
    let bytes = with_line_feeds(bytes);
    Ok(Decoded {
        file: File { name, bytes },
        content: Content::Text { encoding },
        compression,
        notices,
    })
}

fn mislabelled(name: &str, content: &str) -> Refusal {
    let problem = Problem::new(format!("{name} holds {content}"));
    problem.value(content).bound("CSV or Parquet, as the name says").into()
}

/// Unpacks gzip, zstd and zip, which their first bytes tell.
fn unpack(file: File, limits: &Limits) -> Result<(File, &'static str), Refusal> {
    let packed = &file.bytes[..];
    let (compression, unpacked) = match packed {
        [0x1f, 0x8b, ..] => {
            let open = || Ok(flate2::read::MultiGzDecoder::new(packed));
            ("gzip", bounded(open, limits.unpacked))
        }
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let open = || zstd::Decoder::new(packed);
            ("zstd", bounded(open, limits.unpacked))
        }
        [b'P', b'K', 3, 4, ..] => return unzip(&file, limits),
        _ => return Ok((file, "")),
    };
    let name = file.name.clone();
    let unpacked = unpacked.map_err(|error| damaged(&name, compression, &error))?;
    let bytes = unpacked.ok_or_else(|| too_large(&name, limits))?;
    // The name inside is that without the last extension.
    let name = ["gz", "gzip", "zst", "zstd"]
        .iter()
        .find_map(|packed| name.strip_suffix(&format!(".{packed}")))
        .map_or_else(|| name.clone(), str::to_owned);
    Ok((File { name, bytes }, compression))
}

/// Unpacks everything; `None` when there is more than the bound. What is not small is counted before memory is taken for it.
fn bounded<R: Read>(open: impl Fn() -> std::io::Result<R>, bound: u64) -> std::io::Result<Option<Bytes>> {
    const SMALL: u64 = 16 << 20;
    let mut unpacked = Vec::new();
    open()?.take(SMALL).read_to_end(&mut unpacked)?;
    if (unpacked.len() as u64) < SMALL {
        return Ok((unpacked.len() as u64 <= bound).then(|| unpacked.into()));
    }
    drop(unpacked);
    let size = std::io::copy(&mut open()?.take(bound.saturating_add(1)), &mut std::io::sink())?;
    if size > bound {
        return Ok(None);
    }
    let mut unpacked = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    open()?.take(bound).read_to_end(&mut unpacked)?;
    Ok(Some(unpacked.into()))
}

fn damaged(name: &str, compression: &str, error: &dyn std::error::Error) -> Refusal {
    Problem::new(format!("{name} cannot be unpacked as {compression}: {error}"))
        .bound(format!("a whole {compression} file"))
        .into()
}

fn too_large(name: &str, limits: &Limits) -> Refusal {
    let bound = limits.unpacked;
    Problem::new(format!("{name} unpacks to more than {bound} bytes"))
        .value(format!("more than {bound} bytes"))
        .bound(format!("at most {bound} bytes"))
        .into()
}

fn unzip(file: &File, limits: &Limits) -> Result<(File, &'static str), Refusal> {
    let wrong = |error: zip::result::ZipError| damaged(&file.name, "zip", &error);
    let mut archive = zip::ZipArchive::new(Cursor::new(file.bytes.clone())).map_err(wrong)?;
    let names: Vec<String> = archive.file_names().map(str::to_owned).collect();
    if names.iter().any(|name| name.starts_with("xl/")) {
        return Err(mislabelled(&file.name, "an Excel workbook; save the sheet as CSV"));
    }
    // What macOS adds beside the files, and directories.
    let members: Vec<&String> = names
        .iter()
        .filter(|name| !name.ends_with('/') && !name.starts_with("__MACOSX/"))
        .collect();
    let [member] = members[..] else {
        const SHOWN: usize = 5;
        let shown: Vec<_> = members.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
        let message = format!(
            "{} holds {} files, one is read: {}",
            file.name,
            members.len(),
            shown.join(", ")
        );
        return Err(Problem::new(message)
            .value(format!("{} files", members.len()))
            .bound("1 file")
            .into());
    };
    let mut reader = archive.by_name(member).map_err(wrong)?;
    let size = reader.size();
    if size > limits.unpacked {
        return Err(too_large(&file.name, limits));
    }
    let mut unpacked = Vec::new();
    let read = reader.by_ref().take(size + 1).read_to_end(&mut unpacked);
    read.map_err(|error| damaged(&file.name, "zip", &error))?;
    if unpacked.len() as u64 > size {
        let what = format!(
            "{} cannot be unpacked as zip: `{member}` is longer than it says",
            file.name
        );
        return Err(Problem::new(what).bound(format!("{size} bytes")).into());
    }
    let name = member.rsplit('/').next().unwrap_or(member).to_owned();
    Ok((
        File {
            name,
            bytes: unpacked.into(),
        },
        "zip",
    ))
}

/// Returns the text in UTF-8, the name of its encoding, and what may surprise.
fn text(name: &str, bytes: &Bytes) -> Result<(Bytes, &'static str, Vec<String>), Refusal> {
    if let Some((encoding, _)) = Encoding::for_bom(bytes).filter(|(encoding, _)| *encoding != encoding_rs::UTF_8) {
        return Ok((decoded(encoding, bytes), encoding.name(), Vec::new()));
    }
    if let Some(encoding) = without_mark(bytes) {
        return Ok((decoded(encoding, bytes), encoding.name(), Vec::new()));
    }
    let plain = bytes
        .strip_prefix(b"\xef\xbb\xbf")
        .map_or_else(|| bytes.clone(), |rest| bytes.slice_ref(rest));
    if let Some(at) = memchr(0, &plain) {
        let row = line_of(&plain, at);
        let problem = Problem::new(format!("{name}, row {row}: byte {at} is NUL, which no text has"));
        return Err(problem.row(row).value("0x00").bound("text").into());
    }
    let Err(error) = std::str::from_utf8(&plain) else {
        return Ok((plain, "UTF-8", Vec::new()));
    };
    let at = error.valid_up_to();
    let (row, byte) = (line_of(&plain, at), plain[at]);
    // A character of several bytes in UTF-8 is hardly ever by chance the text of another encoding.
    if let Some(other) = plain[..at].iter().position(|byte| !byte.is_ascii()) {
        let other = line_of(&plain, other);
        let message = format!(
            "{name}, row {row}: byte {at} of the file (0x{byte:02x}) is not UTF-8, but row {other} is: two encodings in one file"
        );
        return Err(Problem::new(message)
            .row(row)
            .value(format!("0x{byte:02x}"))
            .bound("UTF-8")
            .into());
    }
    let notice = format!("the text is not UTF-8 (row {row}) and was read as Windows-1252");
    Ok((decoded(WINDOWS_1252, &plain), "Windows-1252", vec![notice]))
}

fn decoded(encoding: &'static Encoding, bytes: &[u8]) -> Bytes {
    encoding.decode(bytes).0.into_owned().into()
}

/// Returns UTF-16 when every other byte at the beginning is NUL, as in English text.
fn without_mark(bytes: &[u8]) -> Option<&'static Encoding> {
    const LOOKED_AT: usize = 64;
    let start = &bytes[..bytes.len().min(LOOKED_AT) & !1];
    let nul = |first: usize| !start.is_empty() && start.iter().skip(first).step_by(2).all(|byte| *byte == 0);
    match (nul(0), nul(1)) {
        (true, false) => Some(UTF_16BE),
        (false, true) => Some(UTF_16LE),
        _ => None,
    }
}

/// Returns the line of a byte, from 1.
fn line_of(bytes: &[u8], at: usize) -> u64 {
    1 + memchr_iter(b'\n', &bytes[..at]).count() as u64
}

/// Returns text whose lines end in LF or CRLF. Lines of old Macs end in CR alone, some of them below a header of today.
fn with_line_feeds(bytes: Bytes) -> Bytes {
    let alone = || memchr_iter(b'\r', &bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n'));
    let count = alone().count();
    if count == 0 || count < memchr_iter(b'\n', &bytes).count() {
        return bytes;
    }
    let mut lines = bytes.to_vec();
    for at in alone() {
        lines[at] = b'\n';
    }
    lines.into()
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    const LIMITS: Limits = Limits {
        line: 1 << 16,
        columns: 50,
        values: 1_000_000,
        unpacked: 1 << 16,
    };

    fn read(name: &str, bytes: impl Into<Bytes>) -> Result<String, String> {
        let file = File {
            name: name.to_owned(),
            bytes: bytes.into(),
        };
        let decoded = decode(file, &LIMITS).map_err(|refusal| refusal.to_string())?;
        Ok(String::from_utf8(decoded.file.bytes.to_vec()).unwrap())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    }

    fn zipped(members: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in members {
            archive
                .start_file(*name, zip::write::SimpleFileOptions::default())
                .unwrap();
            archive.write_all(bytes).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    #[test]
    fn every_encoding_and_line_end_becomes_the_same_text() {
        let text = "date,né\n1,2\n";
        let wide = |order: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(order).collect::<Vec<u8>>();
        for (what, bytes) in [
            ("plain", text.as_bytes().to_vec()),
            ("marked", [b"\xef\xbb\xbf", text.as_bytes()].concat()),
            ("UTF-16LE", [vec![0xff, 0xfe], wide(u16::to_le_bytes)].concat()),
            ("UTF-16BE", [vec![0xfe, 0xff], wide(u16::to_be_bytes)].concat()),
            ("Windows-1252", b"date,n\xe9\n1,2\n".to_vec()),
            ("CR", text.replace('\n', "\r").into_bytes()),
            ("gzip", gzip(text.as_bytes())),
            ("zstd", zstd::encode_all(text.as_bytes(), 1).unwrap()),
            ("zip", zipped(&[("a/b.csv", text.as_bytes()), ("__MACOSX/b", b"x")])),
        ] {
            assert_eq!(read("a.csv", bytes).as_deref(), Ok(text), "{what}");
        }
        let unmarked: Vec<u8> = "date,b\n1,2\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(read("a.txt", unmarked).as_deref(), Ok("date,b\n1,2\n"));
        assert_eq!(read("a.csv", "a\r\nb\n").as_deref(), Ok("a\r\nb\n"));
    }

    #[test]
    fn what_is_no_table_is_refused_in_words() {
        for (name, bytes, message) in [
            ("a.csv", Vec::new(), "a.csv is empty: it needs a header and data rows"),
            (
                "a.csv.gz",
                gzip(&vec![b'1'; 1 << 17]),
                "a.csv.gz unpacks to more than 65536 bytes",
            ),
            (
                "a.zip",
                zipped(&[("b.csv", b"1"), ("c.csv", b"2")]),
                "a.zip holds 2 files, one is read: `b.csv`, `c.csv`",
            ),
            (
                "a.xlsx",
                zipped(&[("xl/workbook.xml", b"1")]),
                "a.xlsx holds an Excel workbook; save the sheet as CSV",
            ),
            ("a.csv", b"PAR1".to_vec(), "a.csv holds Parquet; rename it to .parquet"),
            (
                "a.parquet",
                b"time,a".to_vec(),
                "a.parquet holds no Parquet: it does not begin with PAR1",
            ),
            (
                "a.csv",
                b"{\"a\": 1}".to_vec(),
                "a.csv holds JSON; save the table as CSV",
            ),
            (
                "a.csv",
                b"a,b\n1,\x002\n".to_vec(),
                "a.csv, row 2: byte 6 is NUL, which no text has",
            ),
            (
                "a.csv",
                "date,né\n1,x\n".bytes().chain(*b"2,\xe9\n").collect(),
                "a.csv, row 3: byte 15 of the file (0xe9) is not UTF-8, but row 1 is: two encodings in one file",
            ),
        ] {
            assert_eq!(read(name, bytes), Err(message.to_owned()));
        }
        assert!(
            read("a.csv.gz", gzip(b"1,2")[..12].to_vec())
                .is_err_and(|error| error.contains("cannot be unpacked as gzip"))
        );
    }
}
