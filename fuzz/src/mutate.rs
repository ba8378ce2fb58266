//! New inputs from old ones, always the same ones: a search without feedback,
//! for where libFuzzer is not.

/// The most bytes of an input.
const LONGEST: usize = 4096;

/// Makes inputs from a corpus and a list of words.
#[derive(Debug)]
pub struct Mutator<'a> {
    corpus: &'a [Vec<u8>],
    words: &'a [&'a str],
    state: u64,
}

impl<'a> Mutator<'a> {
    /// The sequence that `seed` stands for. An empty corpus counts as one empty
    /// input.
    pub fn new(corpus: &'a [Vec<u8>], words: &'a [&'a str], seed: u64) -> Self {
        Self {
            corpus,
            words,
            state: seed,
        }
    }

    /// The next input.
    pub fn next_input(&mut self) -> Vec<u8> {
        let mut input = self.one_of_the_corpus();
        for _ in 0..=self.below(6) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let to = at + self.below((input.len() - at).min(40) + 1);
        match self.below(8) {
            0 => drop(input.drain(at..to)),
            1 => {
                let doubled = input[at..to].to_vec();
                input.splice(at..at, doubled);
            }
            2 if at < input.len() => input[at] ^= 1 << self.below(8),
            3 => {
                let byte = self.random().to_le_bytes()[0];
                input.insert(at, byte);
            }
            4 => {
                const ODD: &[char] = &[
                    '\0',
                    '\n',
                    '\r',
                    '\t',
                    '\u{1b}',
                    '\u{7f}',
                    '\u{85}',
                    '\u{a0}',
                    '\u{2028}',
                    '\u{202e}',
                    '\u{feff}',
                    '\u{fffd}',
                    '\u{10ffff}',
                    '"',
                    '\\',
                    '|',
                    '{',
                    '}',
                    '[',
                    ']',
                    ':',
                    ',',
                    '-',
                    '%',
                    '$',
                    '@',
                    '0',
                    '9',
                ];
                let odd = ODD[self.below(ODD.len())].to_string();
                input.splice(at..to.min(at + 1), odd.into_bytes());
            }
            5 => {
                let other = self.one_of_the_corpus();
                let from = self.below(other.len() + 1);
                let until = from + self.below(other.len() - from + 1);
                input.splice(at..to, other[from..until].iter().copied());
            }
            6 => {
                const NUMBERS: &[&str] = &[
                    "0",
                    "-1",
                    "1",
                    "255",
                    "65536",
                    "4294967296",
                    "18446744073709551616",
                    "1e999",
                    "0x10",
                    "00",
                    "+1",
                    "1.5",
                ];
                let number = NUMBERS[self.below(NUMBERS.len())];
                input.splice(at..to, number.bytes());
            }
            _ if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                input.splice(at..at, word.bytes());
            }
            _ => {}
        }
    }

    fn one_of_the_corpus(&mut self) -> Vec<u8> {
        if self.corpus.is_empty() {
            return Vec::new();
        }
        self.corpus[self.below(self.corpus.len())].clone()
    }

    fn below(&mut self, limit: usize) -> usize {
        // Every limit here is small, so that no number is noticeably likelier.
        let limit = u64::try_from(limit.max(1)).unwrap_or(u64::MAX);
        usize::try_from(self.random() % limit).unwrap_or(0)
    }

    /// SplitMix64.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
