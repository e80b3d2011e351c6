//! What is drawn from the bytes of an input. When they are used up, every choice is the first one, so nothing grows for ever.

/// The bytes of an input that were not used yet.
pub struct Draw<'a>(&'a [u8]);

/// Texts in which something ends, begins, or is taken for something else.
const ODD: [&str; 40] = [
    "",
    ".",
    "..",
    "/",
    "\\",
    "%2e",
    "%2F",
    "%252f",
    "%",
    ";",
    "?",
    "#",
    "&",
    "+",
    ":",
    ",",
    "'",
    "\"",
    "`",
    "<",
    ">",
    "{",
    "}",
    "[",
    "]",
    "|",
    "*",
    "!",
    "~",
    "- ",
    " ",
    "\t",
    "\n",
    "\r\n",
    "\0",
    "\u{1b}[31m",
    "\u{202e}",
    "\u{a0}",
    "\u{feff}",
    "\u{200b}",
];
const WORDS: [&str; 16] = [
    "Acme", "HQ", "a", "0", "-1", "1e999", "true", "false", "null", "é", "漢字", "🙂", "Orphan", "\\u0000", "&#0;",
    "x-y_z",
];

impl<'a> Draw<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub fn byte(&mut self) -> u8 {
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    /// A number below this one, which is 256 at most.
    pub fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    /// Whether one case in so many is met.
    pub fn one_in(&mut self, cases: usize) -> bool {
        self.below(cases) == cases - 1
    }

    pub fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// Up to so many of something.
    pub fn some<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }

    pub fn number(&mut self) -> u64 {
        (0..8).fold(0, |number, _| number << 8 | u64::from(self.byte()))
    }

    pub fn char(&mut self) -> char {
        let code = u32::from_be_bytes([0, self.byte() % 17, self.byte(), self.byte()]);
        char::from_u32(code).unwrap_or('\u{fffd}')
    }

    /// A text of some pieces, or one that is very long.
    pub fn text(&mut self) -> String {
        let pieces = self.some(4, |draw| match draw.below(8) {
            0..=2 => draw.of(&WORDS).to_owned(),
            3..=5 => draw.of(&ODD).to_owned(),
            6 => draw.char().to_string(),
            _ => char::from(draw.byte() % 128).to_string(),
        });
        let text = pieces.concat();
        if self.one_in(64) { text.repeat(1 << self.below(8)) } else { text }
    }

    /// One of these words as a rule, or one that is like it, or any text.
    pub fn word(&mut self, words: &[&str]) -> String {
        let word = self.of(words);
        match self.below(16) {
            0..=11 => word.to_owned(),
            12 => String::from_utf8_lossy(&self.changed(word.as_bytes().to_vec())).into_owned(),
            13 => word.to_lowercase(),
            14 => format!("{}{word}{}", self.of(&ODD), self.of(&ODD)),
            _ => self.text(),
        }
    }

    /// These bytes with one change.
    pub fn changed(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        let at = usize::from(u16::from_be_bytes([self.byte(), self.byte()])) % (bytes.len() + 1);
        match self.below(6) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] = self.byte(),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 => bytes.insert(at, self.byte()),
            4 => {
                let piece = self.text();
                bytes.splice(at..at, piece.into_bytes());
            }
            _ => {
                let piece = bytes[at..].to_vec();
                bytes.extend(piece);
            }
        }
        bytes
    }
}

/// The bytes of the input of this number: the same on every machine.
#[cfg(not(fuzzing_libfuzzer))]
pub fn input(number: u64) -> Vec<u8> {
    // SplitMix64.
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut next = || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let words = 1 + next() % 64;
    (0..words).flat_map(|_| next().to_le_bytes()).collect()
}
