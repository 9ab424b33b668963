//! A file that appears under its name only when it is complete.

use crate::{Error, Result};
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Temporary files of this process that are neither complete nor removed.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Where bytes go until the file is complete.
pub type Sink = Box<dyn Write + Send>;

/// A temporary neighbour `.NAME.tmp-PID` of a file to be; removed when dropped before [`Pending::commit`].
#[derive(Debug)]
pub struct Pending {
    path: PathBuf,
    temporary: PathBuf,
    file: File,
    committed: bool,
}

impl Pending {
    /// # Errors
    /// A path that exists already (unless `force`), is a folder, or lies in a folder that is missing or cannot be written to.
    pub fn create(path: &Path, force: bool) -> Result<Pending> {
        let name = path.file_name().ok_or_else(|| {
            Error::input(format!("{}: not the name of a file", path.display())).hint("name a file to write to")
        })?;
        if path.is_dir() {
            return Err(Error::input(format!("{}: is a folder", path.display())).hint("name a file in it"));
        }
        if path.exists() && !force {
            return Err(Error::input(format!("{}: exists already", path.display()))
                .hint("take another name, or replace the file with `--force`"));
        }
        let temporary = path.with_file_name(format!(".{}.tmp-{}", name.to_string_lossy(), std::process::id()));
        let opened = OpenOptions::new().write(true).create(true).truncate(true).open(&temporary);
        let file = opened.map_err(|e| Error::io("create", path, e))?;
        unfinished(|all| all.push(temporary.clone()));
        Ok(Pending { path: path.to_path_buf(), temporary, file, committed: false })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn sink(&self) -> Result<Sink> {
        Ok(Box::new(self.file.try_clone().map_err(|e| Error::io("write", &self.path, e))?))
    }

    /// Writes bytes after those written before.
    pub fn put(&self, bytes: &[u8]) -> Result<()> {
        (&self.file).write_all(bytes).map_err(|e| Error::io("write", &self.path, e))
    }

    /// Puts the bytes on the disk and gives the file its name, at once and in place of a former one.
    pub fn commit(mut self) -> Result<()> {
        let renamed = self.file.sync_all().and_then(|()| fs::rename(&self.temporary, &self.path));
        renamed.map_err(|e| Error::io("complete", &self.path, e))?;
        self.committed = true;
        unfinished(|all| all.retain(|path| *path != self.temporary));
        let folder = self.path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        // The name itself is made durable where folders can be synced; where not, the file is complete all the same.
        if let Ok(folder) = File::open(folder) {
            let _ = folder.sync_all();
        }
        Ok(())
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if !self.committed {
            let _ = fs::remove_file(&self.temporary);
            unfinished(|all| all.retain(|path| *path != self.temporary));
        }
    }
}

fn unfinished<T>(work: impl FnOnce(&mut Vec<PathBuf>) -> T) -> T {
    work(&mut UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Removes the temporary files of all outputs that are not complete: for a program about to end without unwinding.
pub fn remove_unfinished() {
    for path in unfinished(std::mem::take) {
        let _ = fs::remove_file(path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unfinished_files_can_be_removed_without_unwinding() {
        let folder = std::env::temp_dir().join(format!("pellucid-unfinished-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let names = || {
            fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
        };
        Pending::create(&folder.join("done"), false).unwrap().commit().unwrap();
        let open = Pending::create(&folder.join("open"), false).unwrap();
        let two = names().len();
        remove_unfinished();
        let left = names();
        drop(open);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!((two, left), (2, vec!["done".to_string()]));
    }
}
