"""Programs that registered themselves: what they say, who they are taken for, who adopts them into which agent."""
