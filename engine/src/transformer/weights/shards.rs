//! Weights in `*.safetensors`: one file, or shards that `model.safetensors.index.json` lists.

use super::Source;
use crate::{Error, Result};
use burn::tensor::{DType, TensorData};
use safetensors::Dtype;
use safetensors::tensor::Metadata;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

/// A header larger than this is no header.
const LARGEST_HEADER: u64 = 100_000_000;
const INDEX: &str = "model.safetensors.index.json";

/// The tensors of a folder.
pub(crate) struct SafeTensors {
    folder: PathBuf,
    shapes: BTreeMap<String, Vec<usize>>,
    places: BTreeMap<String, Place>,
    files: Vec<(PathBuf, File)>,
}

/// Where a tensor's bytes are.
struct Place {
    file: usize,
    from: u64,
    bytes: usize,
    dtype: DType,
}

impl SafeTensors {
    /// Reads the headers. `rename` gives the name that the rest of the program knows a tensor by.
    ///
    /// # Errors
    /// No safetensors in the folder, a shard that is missing or cut, a tensor in two shards, a type that is not supported.
    pub fn open(folder: &Path, rename: impl Fn(&str) -> String) -> Result<Self> {
        let mut all =
            Self { folder: folder.into(), shapes: BTreeMap::new(), places: BTreeMap::new(), files: Vec::new() };
        for path in shards(folder)? {
            all.add(path, &rename)?;
        }
        Ok(all)
    }

    fn add(&mut self, path: PathBuf, rename: &impl Fn(&str) -> String) -> Result<()> {
        let mut file = File::open(&path).map_err(|source| Error::io("open", &path, source))?;
        let (start, header) = header(&mut file, &path)?;
        for name in header.offset_keys() {
            let info = header.info(&name).expect("a header knows its own names");
            // Tables that other programs store: positions and the like.
            let Some(dtype) = float(info.dtype) else {
                if matches!(info.dtype, Dtype::I64 | Dtype::I32 | Dtype::U8 | Dtype::BOOL) {
                    continue;
                }
                return Err(Error::input(format!(
                    "tensor `{name}` of {} is stored as {:?}",
                    path.display(),
                    info.dtype
                ))
                .hint("supported: F32, F16, BF16"));
            };
            let name = rename(&name);
            let (from, to) = info.data_offsets;
            let place = Place { file: self.files.len(), from: start + from as u64, bytes: to - from, dtype };
            if self.places.insert(name.clone(), place).is_some() {
                let message = format!("tensor `{name}` occurs twice in {}", self.folder.display());
                return Err(Error::input(message));
            }
            self.shapes.insert(name, info.shape.clone());
        }
        self.files.push((path, file));
        Ok(())
    }
}

impl Source for SafeTensors {
    fn name(&self) -> String {
        self.folder.display().to_string()
    }

    fn shapes(&self) -> &BTreeMap<String, Vec<usize>> {
        &self.shapes
    }

    fn read(&mut self, name: &str) -> Result<TensorData> {
        let place = &self.places[name];
        let (path, file) = &mut self.files[place.file];
        let mut bytes = vec![0; place.bytes];
        (file.seek(SeekFrom::Start(place.from)).and_then(|_| file.read_exact(&mut bytes)))
            .map_err(|source| Error::io("read", &*path, source))?;
        Ok(TensorData::from_bytes_vec(bytes, self.shapes[name].clone(), place.dtype))
    }

    fn files(&self) -> Vec<PathBuf> {
        self.files.iter().map(|(path, _)| path.clone()).collect()
    }
}

fn float(dtype: Dtype) -> Option<DType> {
    match dtype {
        Dtype::F32 => Some(DType::F32),
        Dtype::F16 => Some(DType::F16),
        Dtype::BF16 => Some(DType::BF16),
        _ => None,
    }
}

/// The files of a folder in which its weights lie.
fn shards(folder: &Path) -> Result<Vec<PathBuf>> {
    let index = folder.join(INDEX);
    if index.is_file() {
        let text = std::fs::read_to_string(&index).map_err(|source| Error::io("read", &index, source))?;
        return listed(&text)
            .map(|names| names.into_iter().map(|name| folder.join(name)).collect())
            .ok_or_else(|| Error::input(format!("{} has no `weight_map` of tensor to file name", index.display())));
    }
    let one = folder.join("model.safetensors");
    if one.is_file() {
        return Ok(vec![one]);
    }
    let message = format!("{} has neither model.safetensors nor {INDEX}", folder.display());
    Err(Error::input(message).hint("weights of PyTorch (*.bin) must be saved as safetensors first"))
}

/// The distinct files of an index. Names with a folder in them are no file of this one.
fn listed(text: &str) -> Option<Vec<String>> {
    let index: serde_json::Value = serde_json::from_str(text).ok()?;
    let names = index.get("weight_map")?.as_object()?.values().map(|name| name.as_str().map(str::to_string));
    let mut names = names.collect::<Option<Vec<String>>>()?;
    names.sort_unstable();
    names.dedup();
    let plain = |name: &String| Path::new(name).components().count() == 1 && !name.contains("..");
    (!names.is_empty() && names.iter().all(plain)).then_some(names)
}

/// Where the data begin, and what the header says of them.
fn header(file: &mut File, path: &Path) -> Result<(u64, Metadata)> {
    let broken = |what: String| {
        Error::input(format!("{} is no safetensors file: {what}", path.display())).hint("was it downloaded in full?")
    };
    let length = file.metadata().map_err(|source| Error::io("read", path, source))?.len();
    let mut size = [0; 8];
    file.read_exact(&mut size).map_err(|_| broken(format!("it has {length} bytes")))?;
    let size = u64::from_le_bytes(size);
    if size > LARGEST_HEADER || size + 8 > length {
        return Err(broken(format!("its header would take {size} of {length} bytes")));
    }
    let mut text = vec![0; size as usize];
    file.read_exact(&mut text).map_err(|source| Error::io("read", path, source))?;
    let header: Metadata = serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    let (start, end) = (8 + size, 8 + size + header.data_len() as u64);
    if end != length {
        return Err(broken(format!("its header tells of {end} bytes, it has {length}")));
    }
    Ok((start, header))
}
