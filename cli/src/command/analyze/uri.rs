//! Where the files that a configuration names are on this machine.

use crate::args::UriMap;
use pellucid::{Error, Result};
use std::path::{Path, PathBuf};

/// The file that a key's URI or path means.
///
/// # Errors
/// A URI that is not on this machine; a folder without exactly one file; a file that is missing.
pub fn local(uri: &str, at: &str, maps: &[UriMap]) -> Result<PathBuf> {
    let mapped =
        maps.iter().filter_map(|map| Some((map, rest(uri, &map.prefix)?))).max_by_key(|(map, _)| map.prefix.len());
    let path = match mapped {
        Some((map, "")) => map.folder.clone(),
        Some((map, rest)) => map.folder.join(rest),
        None => match uri.strip_prefix("file://") {
            Some(path) => PathBuf::from(path),
            None if uri.contains("://") => {
                let folder = uri.rsplit_once('/').map_or(uri, |(folder, _)| folder);
                let instead = if at == "dataset_uri" { "; `--data FILE` takes another file in its place" } else { "" };
                return Err(Error::input(format!("`{at}` is {uri}, which is not on this machine"))
                    .hint(format!("download it, and say where it is with `--uri {folder}=FOLDER`{instead}")));
            }
            None => PathBuf::from(uri),
        },
    };
    one_file(path, at)
}

fn rest<'a>(uri: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = uri.strip_prefix(prefix)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/') }
}

/// The file itself, or the only one of a folder.
pub fn one_file(path: PathBuf, at: &str) -> Result<PathBuf> {
    if !path.is_dir() {
        return match path.exists() {
            true => Ok(path),
            false => Err(Error::input(format!("`{at}`: there is no file {}", path.display())).hint(
                "paths are taken from the current folder; `--uri PREFIX=FOLDER` says where the files of a prefix are",
            )),
        };
    }
    let mut files = Vec::new();
    visible(&path, &mut files)?;
    match &files[..] {
        [only] => Ok(only.clone()),
        _ => Err(Error::input(format!("`{at}`: {} is a folder of {} files", path.display(), files.len()))
            .hint("give one file; parts of one CSV table without header lines can be put together with `cat`")),
    }
}

fn visible(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    let read = |error| Error::io("read", folder, error);
    for entry in std::fs::read_dir(folder).map_err(read)? {
        let path = entry.map_err(read)?.path();
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(['.', '_']));
        match () {
            _ if hidden => {}
            _ if path.is_dir() => visible(&path, files)?,
            _ => files.push(path),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_become_files() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("in")).unwrap();
        let file = folder.path().join("in/data.csv");
        std::fs::write(&file, "a").unwrap();
        let map: UriMap = format!("s3://bucket/census={}", folder.path().display()).parse().unwrap();
        for uri in ["s3://bucket/census/in/data.csv", "s3://bucket/census/in", &format!("file://{}", file.display())] {
            assert_eq!(local(uri, "dataset_uri", std::slice::from_ref(&map)).unwrap(), file);
        }
        let message = |uri: &str| local(uri, "facet_dataset_uri", std::slice::from_ref(&map)).unwrap_err().to_string();
        assert_eq!(
            message("s3://bucket/census2/x.csv"),
            "`facet_dataset_uri` is s3://bucket/census2/x.csv, which is not on this machine"
        );
        assert!(message("missing.csv").contains("there is no file missing.csv"));
        std::fs::write(folder.path().join("in/more.csv"), "a").unwrap();
        assert!(message("s3://bucket/census/in").ends_with("is a folder of 2 files"));
    }
}
