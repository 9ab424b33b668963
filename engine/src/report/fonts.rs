//! The fonts of figures in files: two that are part of the program, and the system's for characters that those lack.

use resvg::usvg::fontdb::{Database, ID, Source};
use resvg::usvg::{FallbackSelectionFn, FontResolver, Node, Options, Tree};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Text is measured at this size and scaled: widths are proportional.
const MEASURED_AT: f64 = 100.0;
/// Folders deeper than this hold no fonts.
const DEEPEST: usize = 4;

/// Ubuntu Light for all text, then Hack (which has more of the world's letters and signs), then the system's fonts.
pub struct Fonts {
    database: Arc<Database>,
    fallback: Arc<System>,
    widths: HashMap<String, f64>,
}

impl Fonts {
    pub fn new() -> Fonts {
        let mut database = Database::new();
        database.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
        database.load_font_data(epaint_default_fonts::HACK_REGULAR.to_vec());
        database.set_sans_serif_family("Ubuntu");
        database.set_serif_family("Ubuntu");
        database.set_monospace_family("Hack");
        Fonts { database: Arc::new(database), fallback: Arc::default(), widths: HashMap::new() }
    }

    /// How resvg is to read an SVG.
    pub fn options(&self) -> Options<'static> {
        let (system, default) = (self.fallback.clone(), FontResolver::default_fallback_selector());
        let select_fallback = Box::new(move |c: char, used: &[ID], database: &mut Arc<Database>| {
            default(c, used, database).or_else(|| system.font_with(c, used, database, &default))
        });
        Options {
            font_family: "Ubuntu".into(),
            font_resolver: FontResolver { select_fallback, ..FontResolver::default() },
            fontdb: self.database.clone(),
            ..Options::default()
        }
    }

    /// Pixels that `text` takes at `size` pixels, set in the fonts above.
    pub fn width(&mut self, text: &str, size: f64) -> f64 {
        if let Some(width) = self.widths.get(text) {
            return width * size / MEASURED_AT;
        }
        let width = self.measure(text);
        self.widths.insert(text.to_string(), width);
        width * size / MEASURED_AT
    }

    fn measure(&self, text: &str) -> f64 {
        let mut escaped = String::new();
        for c in text.chars() {
            match c {
                '&' => escaped.push_str("&amp;"),
                '<' => escaped.push_str("&lt;"),
                c if c.is_control() => escaped.push(' '),
                c => escaped.push(c),
            }
        }
        let svg = format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg"><text xml:space="preserve" font-size="{MEASURED_AT}">{escaped}</text></svg>"#
        );
        let Ok(tree) = Tree::from_str(&svg, &self.options()) else { return 0.0 };
        match tree.root().children().first() {
            Some(Node::Text(text)) => text.bounding_box().width() as f64,
            _ => 0.0,
        }
    }
}

/// Fonts of the system, read one after the other until one has what is looked for.
#[derive(Default)]
struct System(Mutex<Search>);

#[derive(Default)]
struct Search {
    /// Files not taken so far; none before the first search.
    files: Option<Vec<PathBuf>>,
    /// Fonts that had a character looked for.
    useful: Vec<Arc<Vec<u8>>>,
    /// Characters that no font has.
    nowhere: HashSet<char>,
}

impl System {
    fn font_with(&self, c: char, used: &[ID], database: &mut Arc<Database>, find: &FallbackSelectionFn) -> Option<ID> {
        let mut search = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if search.nowhere.contains(&c) {
            return None;
        }
        let known = search.useful.iter().find_map(|font| add_if_useful(font.clone(), c, used, database, find));
        if known.is_some() {
            return known;
        }
        let files = search.files.get_or_insert_with(font_files);
        for i in 0..files.len() {
            let Ok(bytes) = fs::read(&files[i]) else { continue };
            let font = Arc::new(bytes);
            if let Some(id) = add_if_useful(font.clone(), c, used, database, find) {
                files.remove(i);
                search.useful.push(font);
                return Some(id);
            }
        }
        search.nowhere.insert(c);
        None
    }
}

/// Adds the font to the database if `find` then finds `c`.
fn add_if_useful(
    font: Arc<Vec<u8>>,
    c: char,
    used: &[ID],
    database: &mut Arc<Database>,
    find: &FallbackSelectionFn,
) -> Option<ID> {
    let mut with = Database::clone(database);
    with.load_font_source(Source::Binary(font));
    let mut with = Arc::new(with);
    let id = find(c, used, &mut with)?;
    *database = with;
    Some(id)
}

/// Font files in the usual folders, upright regular ones first.
fn font_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let home = std::env::home_dir().unwrap_or_default();
    for folder in ["/usr/share/fonts", "/usr/local/share/fonts", "/System/Library/Fonts", "/Library/Fonts"] {
        collect(Path::new(folder), 0, &mut files);
    }
    for folder in [".local/share/fonts", ".fonts", "Library/Fonts"] {
        collect(&home.join(folder), 0, &mut files);
    }
    if let Some(windows) = std::env::var_os("WINDIR") {
        collect(&Path::new(&windows).join("Fonts"), 0, &mut files);
    }
    files.sort_by_cached_key(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
        (["bold", "italic", "oblique"].iter().any(|style| name.contains(style)), file.clone())
    });
    files
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for path in entries.flatten().map(|entry| entry.path()) {
        let extension = path.extension().unwrap_or_default().to_ascii_lowercase();
        if ["ttf", "otf", "ttc", "otc"].iter().any(|e| extension == *e) {
            files.push(path);
        } else if depth < DEEPEST && path.is_dir() {
            collect(&path, depth + 1, files);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_those_of_the_font() {
        let mut fonts = Fonts::new();
        // Advances in Ubuntu Light, in thousandths of an em.
        assert!((fonts.width("W", 1000.0) - 921.0).abs() < 1.0, "{}", fonts.width("W", 1000.0));
        assert!(fonts.width("iiii", 12.0) < fonts.width("WWWW", 12.0) / 3.0);
        assert_eq!(fonts.width("a<b & \"c\"", 24.0), 2.0 * fonts.width("a<b & \"c\"", 12.0));
        assert_eq!(fonts.width("", 12.0), 0.0);
    }

    /// A machine whose only font file is Hack, and a program that carries Ubuntu Light alone.
    #[test]
    fn a_character_that_is_lacking_is_taken_from_a_font_of_the_system() {
        let folder = std::env::temp_dir().join(format!("pellucid-fonts-{}", std::process::id()));
        fs::create_dir_all(folder.join("truetype")).unwrap();
        fs::write(folder.join("truetype/Hack-Regular.TTF"), epaint_default_fonts::HACK_REGULAR).unwrap();
        fs::write(folder.join("truetype/broken.otf"), "no font").unwrap();
        let mut files = Vec::new();
        collect(&folder, 0, &mut files);
        assert_eq!(files.len(), 2);
        let mut database = Database::new();
        database.load_font_data(epaint_default_fonts::UBUNTU_LIGHT.to_vec());
        let fonts = |files| Fonts {
            database: Arc::new(database.clone()),
            fallback: Arc::new(System(Mutex::new(Search { files: Some(files), ..Search::default() }))),
            widths: HashMap::new(),
        };
        // Every glyph of Hack is 0.602 em wide; ▓ is not in Ubuntu Light.
        let (without, with) = (fonts(Vec::new()).width("▓", 1000.0), fonts(files).width("▓", 1000.0));
        fs::remove_dir_all(&folder).unwrap();
        assert!((with - 602.0).abs() < 1.0 && (without - with).abs() > 10.0, "{without} {with}");
    }
}
