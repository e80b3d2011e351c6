//! Values of the engine can be printed, and not all of them can be hashed. So a value is known here by the hash of its text, 128
//! bits of it: that two different ones of some millions have the same is less likely than a fault of the memory.

use std::{
    fmt::{self, Debug, Write},
    hash::{DefaultHasher, Hash, Hasher},
    ops::Deref,
    sync::Arc,
};

/// A value that is compared by its text.
#[derive(Clone)]
pub struct Known<T>(Arc<(u128, T)>);

impl<T: Debug> Known<T> {
    pub fn new(value: T) -> Self {
        let mut text = Fingerprint::default();
        // A hasher takes everything.
        let _ = write!(text, "{value:?}");
        Self(Arc::new((text.finish_all(), value)))
    }
}

impl<T: Debug + Default> Default for Known<T> {
    fn default() -> Self {
        Self::new(T::default())
    }
}

impl<T> Deref for Known<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0.1
    }
}

impl<T> PartialEq for Known<T> {
    fn eq(&self, other: &Self) -> bool {
        self.0.0 == other.0.0
    }
}

impl<T> Eq for Known<T> {}

impl<T> Hash for Known<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.0.hash(state);
    }
}

impl<T: Debug> Debug for Known<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.1.fmt(f)
    }
}

/// A hash of 128 bits, the same in every process.
pub struct Fingerprint(DefaultHasher, DefaultHasher);

impl Default for Fingerprint {
    fn default() -> Self {
        let mut second = DefaultHasher::new();
        second.write_u8(1);
        Self(DefaultHasher::new(), second)
    }
}

impl Fingerprint {
    pub fn of(value: &impl Hash) -> u128 {
        let mut all = Self::default();
        value.hash(&mut all);
        all.finish_all()
    }

    fn finish_all(&self) -> u128 {
        u128::from(self.0.finish()) << 64 | u128::from(self.1.finish())
    }
}

impl Hasher for Fingerprint {
    fn finish(&self) -> u64 {
        self.0.finish()
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0.write(bytes);
        self.1.write(bytes);
    }
}

impl Write for Fingerprint {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        Hasher::write(self, text.as_bytes());
        Ok(())
    }
}
