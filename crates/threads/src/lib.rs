//! The four bridges between a reactor thread, a thread pool and everybody else.
