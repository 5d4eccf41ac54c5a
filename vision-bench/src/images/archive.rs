//! Tar archives read in place: where each member lies, so that nothing needs to be unpacked.

use super::Rejected;
use super::name::{self, Kind, is_hidden};
use scaling_core::error::{At, Error, Result};
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path};
use tar::EntryType;

/// The tar format's unit.
const BLOCK: u64 = 512;

/// Bytes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) offset: u64,
    pub(super) size: u64,
}

/// A regular file of an archive.
#[derive(Debug)]
pub(super) struct Member {
    /// Its path in the archive.
    pub(super) name: OsString,
    /// Where its bytes lie in the file that holds the archive.
    pub(super) span: Span,
}

/// What an archive holds, in its own order.
#[derive(Debug, Default)]
pub(super) struct Index {
    /// Pictures by name.
    pub(super) pictures: Vec<Member>,
    /// Archives by name.
    pub(super) archives: Vec<Member>,
    /// Members that nobody may follow or unpack, or whose format is not read, by their paths in it.
    pub(super) rejected: Vec<Rejected>,
    /// Names of the rejected members that are named like pictures: label files may count them.
    pub(super) lost: Vec<OsString>,
}

impl Index {
    /// Refuses pictures in folders, which an archive has none of. `title` names it.
    ///
    /// # Errors
    /// If there are several folders.
    pub(super) fn refuse_folders(&self, title: &str) -> Result<()> {
        let folders: BTreeSet<_> =
            self.pictures.iter().map(|member| Path::new(&member.name).parent()).collect();
        match folders.len() {
            0 | 1 => Ok(()),
            _ => Err(Error::input(format!("{title} holds folders; unpack it and move it away"))),
        }
    }
}

/// Lists an archive: a whole file, or the part of it that `span` gives. `title` names it in messages.
///
/// # Errors
/// What cannot be read, is no tar archive, is compressed, or is cut off: how much of it is missing
/// cannot be known.
pub(super) fn index(path: &Path, span: Option<Span>, title: &str) -> Result<Index> {
    // Before it is opened: a pipe would wait for a writer.
    let metadata = fs::metadata(path).at("read", path)?;
    if !metadata.is_file() {
        return Err(Error::input(format!("{title} is not a regular file; a tar archive was expected")));
    }
    let mut file = File::open(path).at("read", path)?;
    let span = span.unwrap_or(Span { offset: 0, size: metadata.len() });
    if is_compressed(&mut file, span).at("read", path)? {
        return Err(Error::input(format!("{title} is compressed; decompress it first (it stays a tar)")));
    }
    let cannot = |error: io::Error| Error::input(format!("cannot read {title} as a tar archive: {error}"));
    let cut_off =
        |place: String| Error::input(format!("{title} is cut off {place}; copy or download it again"));
    let mut archive = tar::Archive::new(Window { file, span, position: 0 });
    let mut index = Index::default();
    let mut end = 0;
    for entry in archive.entries_with_seek().map_err(cannot)? {
        let is_cut_off = end + BLOCK > span.size;
        let entry = entry
            .map_err(|error| if is_cut_off { cut_off("inside a header".into()) } else { cannot(error) })?;
        let (offset, size) = (entry.raw_file_position(), entry.size());
        let bytes = entry.path_bytes();
        let shown = name::shown(&String::from_utf8_lossy(&bytes));
        end = offset.saturating_add(size).saturating_add(BLOCK - 1) / BLOCK * BLOCK;
        if offset.saturating_add(size) > span.size {
            return Err(cut_off(format!("inside {shown}")));
        }
        let kind = entry.header().entry_type();
        let path = os_string(&bytes);
        let file_name = Path::new(&path).file_name().unwrap_or(&path);
        let of = Kind::of(file_name);
        if kind.is_dir()
            || kind.is_pax_global_extensions()
            || bytes.ends_with(b"/")
            || is_hidden(file_name)
            || of == Kind::Companion
        {
            continue;
        }
        let reason = reason_against(kind, Path::new(&path), of);
        let span = Span { offset: span.offset + offset, size };
        match (reason, of) {
            (Some(reason), _) => {
                index.rejected.push(Rejected { name: shown, reason: reason.into() });
                index.lost.extend((of == Kind::Picture).then_some(path));
            }
            (None, Kind::Tar) => index.archives.push(Member { name: path, span }),
            (None, _) => index.pictures.push(Member { name: path, span }),
        }
    }
    // Two blocks of zeros end an archive; one of them is proof enough that nothing is missing.
    if end + BLOCK > span.size {
        return Err(cut_off("before its end mark".into()));
    }
    Ok(index)
}

/// Why a member cannot be used.
fn reason_against(kind: EntryType, path: &Path, of: Kind) -> Option<&'static str> {
    if path.is_absolute() || path.components().any(|part| part == Component::ParentDir) {
        Some("its path leads out of the archive")
    } else if kind.is_symlink() || kind.is_hard_link() {
        Some("is a link")
    } else if kind.is_character_special() || kind.is_block_special() || kind.is_fifo() {
        Some("is a device")
    } else if !kind.is_file() && !kind.is_contiguous() {
        Some("is of a kind of member that is not read")
    } else if matches!(of, Kind::Packed | Kind::Other) {
        Some("is not named .jpg, .jpeg or .png")
    } else {
        None
    }
}

#[cfg(unix)]
fn os_string(bytes: &[u8]) -> OsString {
    <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).to_owned()
}

#[cfg(not(unix))]
fn os_string(bytes: &[u8]) -> OsString {
    String::from_utf8_lossy(bytes).into_owned().into()
}

fn is_compressed(file: &mut File, span: Span) -> io::Result<bool> {
    const MAGICS: [&[u8]; 5] = [b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd", b"PK\x03\x04"];
    let mut start = Vec::new();
    file.seek(SeekFrom::Start(span.offset))?;
    file.take(span.size.min(8)).read_to_end(&mut start)?;
    Ok(MAGICS.iter().any(|magic| start.starts_with(magic)))
}

/// A part of a file as a file of its own.
struct Window {
    file: File,
    span: Span,
    position: u64,
}

impl Read for Window {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.span.size.saturating_sub(self.position);
        if left == 0 {
            return Ok(0);
        }
        let wanted = buffer.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.file.seek(SeekFrom::Start(self.span.offset + self.position))?;
        let count = self.file.read(&mut buffer[..wanted])?;
        self.position += count as u64;
        Ok(count)
    }
}

impl Seek for Window {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(by) => self.span.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = position.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.position)
    }
}
