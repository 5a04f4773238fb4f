// What an image may be wanted for; the same words as the server's.

export const PURPOSES = ["commercial", "editorial", "education", "personal"];
export const MEDIA = ["web", "social", "print", "packaging", "broadcast", "advertising", "internal"];
