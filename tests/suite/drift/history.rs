//! The state: rows are added, never lost; what is no history is left alone.

use super::drift;
use pellucid::data::{BatchWriter, FileKind, ReadOptions, Table};
use pellucid::drift::{Check, History};

fn checks() -> Vec<Check> {
    let mut checks = drift("a,b\n1,x\n2,y\n", "a,c\n1,x\n9,y\n").checks();
    checks[0].value = Some(f64::INFINITY);
    checks
}

#[test]
fn runs_are_added_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(folder.path().join("state.parquet")).unwrap();
    assert_eq!(history.read().unwrap(), []);
    let checks = checks();
    for time in [2_000, 1_000] {
        history.append(time, &checks).unwrap();
    }
    let found = History::open(history.path()).unwrap().read().unwrap();
    assert_eq!(found.len(), 2 * checks.len());
    assert_eq!((found[0].time, found.last().unwrap().time), (1_000, 2_000));
    assert_eq!(found[..checks.len()].iter().map(|record| record.check.clone()).collect::<Vec<_>>(), checks);
    let mut names: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["state.parquet", "state.parquet.lock"]);
}

/// Threads have handles of their own, as processes do, and the lock is the handle's.
#[test]
fn runs_at_the_same_time_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let history = History::open(folder.path().join("state.parquet")).unwrap();
    let checks = checks();
    std::thread::scope(|scope| {
        for run in 0..4 {
            let (history, checks) = (history.clone(), &checks);
            scope.spawn(move || (0..5).for_each(|i| history.append(run * 5 + i, checks).unwrap()));
        }
    });
    let found = history.read().unwrap();
    assert_eq!(found.len(), 20 * checks.len());
    assert!((0..20).all(|time| found.iter().filter(|record| record.time == time).count() == checks.len()));
}

#[test]
fn what_is_no_history_is_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state.parquet");
    let refused = || {
        let before = std::fs::read(&path).unwrap();
        let error = History::open(&path).unwrap_err();
        assert_eq!(std::fs::read(&path).unwrap(), before);
        let pellucid::Error::Input { hint, .. } = &error else { panic!("{error}") };
        assert!(hint.as_ref().unwrap().starts_with("it was left as it is: "), "{hint:?}");
        error.to_string().replace(&path.display().to_string(), "STATE")
    };
    std::fs::write(&path, "not Parquet").unwrap();
    assert!(refused().starts_with("STATE: not a complete Parquet file"));
    // A table of somebody else.
    std::fs::write(folder.path().join("t.csv"), "a\n1\n").unwrap();
    let table = Table::open(folder.path().join("t.csv"), &ReadOptions::default()).unwrap();
    let mut writer = BatchWriter::create(&path, FileKind::Parquet, table.schema().clone(), true).unwrap();
    table.batches(10).unwrap().for_each(|batch| writer.write(&batch.unwrap()).unwrap());
    writer.finish(&[]).unwrap();
    assert_eq!(refused(), "STATE: not a history of `pellucid monitor`");
    // A history that was cut short.
    std::fs::remove_file(&path).unwrap();
    let history = History::open(&path).unwrap();
    history.append(1, &checks()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(refused().starts_with("STATE: not a complete Parquet file"));
    assert!(history.append(2, &checks()).is_err());
    assert!(History::open(folder.path().join("state.csv")).is_err());
}
