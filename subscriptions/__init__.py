"""What is live: async generators that yield what happened, for as long as somebody listens."""
