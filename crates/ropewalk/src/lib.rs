//! One reactor thread, an elastic thread pool, and four bridges between them.
