//! The head of a GGUF file: what it says of the model, and where its tensors lie. Every length is checked against the file before
//! it is believed.

use super::blocks::{Kind, NAMES};
use crate::{Error, Result};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

/// Data begin at a multiple of this, unless the file names another.
const ALIGNMENT: u64 = 32;

/// A value of the metadata.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meta {
    Whole(i64),
    Real(f64),
    Flag(bool),
    Text(String),
    List(Vec<Meta>),
}

/// Where a tensor lies.
pub(super) struct Entry {
    /// Outermost axis first.
    pub shape: Vec<usize>,
    pub kind: Kind,
    /// From the start of the file.
    pub from: u64,
    pub bytes: usize,
}

pub(super) struct Header {
    pub metadata: BTreeMap<String, Meta>,
    pub tensors: BTreeMap<String, Entry>,
}

/// Reads a head.
///
/// # Errors
/// Another kind of file, another version, a file that is cut or whose lengths are nonsense, types that are not supported.
pub(super) fn read(path: &Path) -> Result<Header> {
    let file = File::open(path).map_err(|source| Error::io("open", path, source))?;
    let length = file.metadata().map_err(|source| Error::io("read", path, source))?.len();
    let mut stream = Stream { reader: BufReader::new(file), at: 0, length };
    header(&mut stream).map_err(|error| match error {
        Error::Input { message, hint } => {
            let error = Error::input(format!("{}: {message}", path.display()));
            if let Some(hint) = hint { error.hint(hint) } else { error }
        }
        other => other,
    })
}

fn header(stream: &mut Stream) -> Result<Header> {
    if stream.bytes(4).ok().as_deref() != Some(b"GGUF") {
        return Err(Error::input("no GGUF file").hint("GGUF files begin with the letters GGUF"));
    }
    let version = stream.u32()?;
    if !(2..=3).contains(&version) {
        return Err(
            Error::input(format!("GGUF version {version} is not supported")).hint("supported: 2 and 3, little-endian")
        );
    }
    let (n_tensors, n_values) = (stream.u64()?, stream.u64()?);
    let mut metadata = BTreeMap::new();
    for _ in 0..n_values {
        let key = stream.text()?;
        let kind = stream.u32()?;
        metadata.insert(key, stream.value(kind, true)?);
    }
    let mut tensors = BTreeMap::new();
    for _ in 0..n_tensors {
        let (name, entry) = stream.tensor()?;
        tensors.insert(name, entry);
    }
    let alignment = match metadata.get("general.alignment") {
        Some(Meta::Whole(n)) if *n > 0 => *n as u64,
        _ => ALIGNMENT,
    };
    let start = stream.at.next_multiple_of(alignment);
    for (name, entry) in &mut tensors {
        let end = entry.from.checked_add(start).and_then(|from| from.checked_add(entry.bytes as u64));
        if end.is_none_or(|end| end > stream.length) {
            return Err(cut().hint(format!("tensor `{name}` lies beyond its end; was it downloaded in full?")));
        }
        entry.from += start;
    }
    Ok(Header { metadata, tensors })
}

fn cut() -> Error {
    Error::input("the GGUF file is cut or broken")
}

/// A file read from its start, which knows how much is left.
struct Stream {
    reader: BufReader<File>,
    at: u64,
    length: u64,
}

impl Stream {
    fn bytes(&mut self, n: u64) -> Result<Vec<u8>> {
        if n > self.length - self.at {
            return Err(cut());
        }
        let mut bytes = vec![0; n as usize];
        self.reader.read_exact(&mut bytes).map_err(|_| cut())?;
        self.at += n;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        Ok(self.bytes(N as u64)?.try_into().expect("as many bytes as were read"))
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn u64(&mut self) -> Result<u64> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    fn text(&mut self) -> Result<String> {
        let length = self.u64()?;
        Ok(String::from_utf8_lossy(&self.bytes(length)?).into_owned())
    }

    /// A value of the type with a number; lists hold no lists.
    fn value(&mut self, kind: u32, lists: bool) -> Result<Meta> {
        Ok(match kind {
            0 => Meta::Whole(u8::from_le_bytes(self.array()?).into()),
            1 => Meta::Whole(i8::from_le_bytes(self.array()?).into()),
            2 => Meta::Whole(u16::from_le_bytes(self.array()?).into()),
            3 => Meta::Whole(i16::from_le_bytes(self.array()?).into()),
            4 => Meta::Whole(self.u32()?.into()),
            5 => Meta::Whole(i32::from_le_bytes(self.array()?).into()),
            6 => Meta::Real(f32::from_le_bytes(self.array()?).into()),
            7 => Meta::Flag(self.array::<1>()? != [0]),
            8 => Meta::Text(self.text()?),
            9 if lists => {
                let kind = self.u32()?;
                let length = self.u64()?;
                // Every value takes a byte or more.
                if length > self.length - self.at {
                    return Err(cut());
                }
                Meta::List((0..length).map(|_| self.value(kind, false)).collect::<Result<_>>()?)
            }
            10 => Meta::Whole(i64::try_from(self.u64()?).map_err(|_| cut())?),
            11 => Meta::Whole(i64::from_le_bytes(self.array()?)),
            12 => Meta::Real(f64::from_le_bytes(self.array()?)),
            _ => return Err(cut()),
        })
    }

    /// A tensor's name and place, from the start of the data.
    fn tensor(&mut self) -> Result<(String, Entry)> {
        let name = self.text()?;
        let n_axes = self.u32()?;
        if n_axes > 4 {
            return Err(cut());
        }
        let mut shape = (0..n_axes).map(|_| Ok(self.u64()? as usize)).collect::<Result<Vec<_>>>()?;
        let (id, from) = (self.u32()?, self.u64()?);
        let kind = Kind::numbered(id).ok_or_else(|| {
            Error::input(format!("tensor `{name}` has numbers of type {id}")).hint(format!("supported: {NAMES}"))
        })?;
        let (numbers, size) = kind.block();
        let count = shape.iter().try_fold(1usize, |all, &n| all.checked_mul(n)).ok_or_else(cut)?;
        if !shape.first().unwrap_or(&1).is_multiple_of(numbers) {
            return Err(cut());
        }
        let bytes = (count / numbers).checked_mul(size).ok_or_else(cut)?;
        shape.reverse();
        Ok((name, Entry { shape, kind, from, bytes }))
    }
}
