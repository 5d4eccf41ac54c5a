//! How data are prepared: by one process, complete or not at all, and what is left behind.

use super::*;

fn temporary() -> Result<tempfile::TempDir> {
    tempfile::tempdir().at("write", Path::new("a temporary directory"))
}

/// Fills a draft.
fn write(draft: &Path) -> Result<&'static str> {
    fs::write(draft.join("meta.json"), "{}").at("write", draft)?;
    Ok("data")
}

#[test]
fn a_failed_preparation_leaves_nothing_behind() -> Result<()> {
    let root = temporary()?;
    let directory = root.path().join("kind/key");
    let count = || Ok(fs::read_dir(root.path().join("kind")).at("read", root.path())?.count());
    let full = make(&directory, root.path(), |draft| {
        fs::write(draft.join("half"), "x").at("write", draft)?;
        Err::<&str, _>(Error::input("disk full"))
    });
    assert_eq!(full.unwrap_err().to_string(), "disk full");
    assert_eq!(count()?, 0);
    make(&directory, root.path(), write)?;
    assert!(is_prepared(&directory));
    make(&directory, root.path(), |_| Err::<&str, _>(Error::input("made again")))?;
    assert_eq!(count()?, 1);
    Ok(())
}

#[test]
fn of_many_processes_one_prepares_and_the_others_wait() -> Result<()> {
    let root = temporary()?;
    let directory = root.path().join("kind/key");
    let made = std::sync::atomic::AtomicU32::new(0);
    std::thread::scope(|scope| {
        let one = || {
            make(&directory, root.path(), |draft| {
                made.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                std::thread::sleep(std::time::Duration::from_millis(50));
                write(draft)
            })
        };
        let all: Vec<_> = (0..4).map(|_| scope.spawn(one)).collect();
        all.into_iter().try_for_each(|thread| thread.join().expect("no panic"))
    })?;
    assert_eq!(made.into_inner(), 1);
    Ok(())
}

#[test]
fn drafts_of_killed_processes_are_removed_and_those_of_others_stay() -> Result<()> {
    let root = temporary()?;
    let kind = root.path().join("kind");
    let draft = |name: &str| {
        let draft = kind.join(format!("{DRAFT}{name}"));
        fs::create_dir_all(&draft).at("write", &draft)?;
        fs::write(draft.join("half"), "x").at("write", &draft)?;
        Ok(draft)
    };
    let (abandoned, own, at_work) = (draft("gone-1")?, draft("key-2")?, draft("busy-3")?);
    let busy = lock_file(&kind, "busy").expect("a lock file");
    busy.lock().at("lock", &kind)?;
    make(&kind.join("key"), root.path(), write)?;
    assert!(!abandoned.exists() && !own.exists() && at_work.exists());
    Ok(())
}

#[test]
fn damaged_data_are_prepared_again() -> Result<()> {
    let root = temporary()?;
    let directory = root.path().join("kind/key");
    let rest = directory.join("rest");
    fs::create_dir_all(&rest).at("write", &rest)?;
    make(&directory, root.path(), write)?;
    assert!(is_prepared(&directory) && !rest.exists());
    // Where there are no locks, a person has to look.
    fs::remove_file(directory.join("meta.json")).at("remove", &directory)?;
    let locks = root.path().join("locks");
    fs::remove_dir_all(&locks).at("remove", &locks)?;
    fs::write(&locks, "no directory").at("write", &locks)?;
    let message = make(&directory, root.path(), write).unwrap_err().to_string();
    assert!(message.ends_with("kind/key is damaged; remove the directory to prepare it again"), "{message}");
    Ok(())
}

#[test]
fn a_key_changes_with_the_files() -> Result<()> {
    let root = temporary()?;
    let file = root.path().join("a");
    let key = |text: &str| -> Result<(String, String)> {
        fs::write(&file, text).at("write", &file)?;
        let (mut files, mut folder) = (Key::default(), Key::default());
        files.files(std::slice::from_ref(&file))?;
        folder.folder(root.path(), &["a".into(), "gone".into()])?;
        Ok((files.name(), folder.name()))
    };
    let (first, second) = (key("x")?, key("xy")?);
    assert_ne!(first.0, second.0);
    assert_ne!(first.1, second.1);
    assert_eq!(first.0.len(), 32);
    Ok(())
}
