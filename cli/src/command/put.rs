//! A file that is written whole.

use crate::terminal::Terminal;
use pellucid::Result;
use pellucid::data::Pending;

/// Writes a file's bytes, gives it its name and says so.
pub fn put(file: Pending, bytes: &[u8], terminal: &Terminal) -> Result<()> {
    let path = file.path().to_path_buf();
    file.put(bytes)?;
    file.commit()?;
    terminal.note(&format!("wrote {}", path.display()));
    Ok(())
}
